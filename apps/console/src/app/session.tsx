import type { Permission, Session } from '@corridor/contracts';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { ApiError, messageOf, setCsrfToken, whenUnauthenticated } from '../api/client.js';
import * as gateway from '../api/gateway.js';
import { fleetStore } from '../live/store.js';

type State =
  | { readonly is: 'loading' }
  | { readonly is: 'out'; readonly ended: boolean }
  | { readonly is: 'unreachable'; readonly why: string }
  | { readonly is: 'in'; readonly session: Session };

interface Access {
  readonly state: State;
  readonly logIn: (username: string, password: string) => Promise<void>;
  readonly logOut: () => Promise<void>;
  readonly retry: () => void;
}

const AccessContext = createContext<Access | null>(null);

/** Who is logged in. The live feed runs exactly as long as somebody is. */
export function SessionProvider({ children }: { readonly children: ReactNode }) {
  const [state, setState] = useState<State>({ is: 'loading' });

  const enter = useCallback(async () => {
    const session = await gateway.session();
    setCsrfToken(session.csrfToken);
    setState({ is: 'in', session });
    fleetStore.start();
  }, []);

  const look = useCallback(async () => {
    try {
      await enter();
    } catch (error) {
      const isOut = error instanceof ApiError && error.status === 401;
      setState(isOut ? { is: 'out', ended: false } : { is: 'unreachable', why: messageOf(error) });
    }
  }, [enter]);

  const leave = useCallback((ended: boolean) => {
    fleetStore.stop();
    setCsrfToken(null);
    setState({ is: 'out', ended });
  }, []);

  useEffect(() => {
    whenUnauthenticated(() => leave(true));
    void look();
  }, [look, leave]);

  const access = useMemo<Access>(
    () => ({
      state,
      logIn: async (username, password) => {
        await gateway.logIn(username, password);
        await enter();
      },
      logOut: async () => {
        await gateway.logOut();
        leave(false);
      },
      retry: () => void look(),
    }),
    [state, enter, leave, look],
  );
  return <AccessContext value={access}>{children}</AccessContext>;
}

export function useAccess(): Access {
  const access = useContext(AccessContext);
  if (access === null) throw new Error('useAccess outside of SessionProvider');
  return access;
}

/** Only below the login. */
export function useSession(): Session {
  const { state } = useAccess();
  if (state.is !== 'in') throw new Error('useSession without a session');
  return state.session;
}

/** Hides what the role may not do; the gateway refuses it in any case. */
export function useMay(): (permission: Permission) => boolean {
  const { permissions } = useSession();
  return useCallback((permission) => permissions.includes(permission), [permissions]);
}
