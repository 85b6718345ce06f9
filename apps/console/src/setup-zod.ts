import { z } from 'zod';

// zod compiles its checks with `new Function`, which the page's content security policy forbids. It looks at this
// setting when a schema is made, so this module is imported before all others.
z.config({ jitless: true });
