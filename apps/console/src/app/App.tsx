import { type ComponentType, lazy, type ReactNode, Suspense, useEffect } from 'react';
import { Link, Route, Switch } from 'wouter';
import { FleetPage } from '../pages/fleet/FleetPage.js';
import { LoginPage } from '../pages/LoginPage.js';
import { Button } from '../ui/controls.js';
import { Empty, Loading, Notice } from '../ui/feedback.js';
import { Boundary } from './Boundary.js';
import { Shell } from './Shell.js';
import { SessionProvider, useAccess } from './session.js';

const VehiclePage = lazy(() => import('../pages/vehicle/VehiclePage.js'));
const ProvisioningPage = lazy(() => import('../pages/provisioning/ProvisioningPage.js'));
const GroupsPage = lazy(() => import('../pages/admin/GroupsPage.js'));
const OperatorsPage = lazy(() => import('../pages/admin/OperatorsPage.js'));
const TokensPage = lazy(() => import('../pages/admin/TokensPage.js'));
const AuditPage = lazy(() => import('../pages/admin/AuditPage.js'));
const AccountPage = lazy(() => import('../pages/admin/AccountPage.js'));

const PAGES: readonly (readonly [path: string, title: string, page: ComponentType])[] = [
  ['/', 'Fleet', FleetPage],
  ['/provisioning', 'Provisioning', ProvisioningPage],
  ['/groups', 'Groups', GroupsPage],
  ['/operators', 'Operators', OperatorsPage],
  ['/tokens', 'API tokens', TokensPage],
  ['/audit', 'Audit', AuditPage],
  ['/account', 'Account', AccountPage],
];

export function App() {
  return (
    <SessionProvider>
      <Gate />
    </SessionProvider>
  );
}

function Gate() {
  const { state, retry } = useAccess();
  if (state.is === 'loading') return <Loading what="the console" />;
  if (state.is === 'out') return <LoginPage ended={state.ended} />;
  if (state.is === 'unreachable') {
    return (
      <main className="login">
        <div className="login-card">
          <Notice kind="error">{state.why} Vehicles keep their tunnels without this page.</Notice>
          <Button kind="primary" onClick={retry}>
            Try again
          </Button>
        </div>
      </main>
    );
  }
  return (
    <Shell>
      <Boundary>
        <Suspense fallback={<Loading what="the page" />}>
          <Switch>
            {PAGES.map(([path, title, Page]) => (
              <Route key={path} path={path}>
                <Titled title={title}>
                  <Page />
                </Titled>
              </Route>
            ))}
            <Route path="/vehicles/:id">{({ id }) => <VehiclePage key={id} id={id} />}</Route>
            <Route>
              <Titled title="No such page">
                <h1 className="visually-hidden">No such page</h1>
                <Empty icon="info" title="There is no such page.">
                  <Link href="/">Back to the fleet</Link>
                </Empty>
              </Titled>
            </Route>
          </Switch>
        </Suspense>
      </Boundary>
    </Shell>
  );
}

function Titled({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Corridor`;
  }, [title]);
  return children;
}
