import { Component, type ReactNode } from 'react';
import { Button } from '../ui/controls.js';
import { Empty } from '../ui/feedback.js';

/** A page that fails takes only itself down, and says so. */
export class Boundary extends Component<{ readonly children: ReactNode }, { readonly error: Error | null }> {
  override state = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state as { error: Error | null };
    if (error === null) return this.props.children;
    return (
      <Empty icon="warn" title="This page has failed.">
        <p>{error.message}</p>
        <Button onClick={() => location.reload()}>Reload</Button>
      </Empty>
    );
  }
}
