import { describe, expect, it } from 'vitest';
import { Permission, ROLE_PERMISSIONS, Role } from './auth.js';

const CHANGES: readonly Permission[] = [
  'fleet:write',
  'device:provision',
  'policy:write',
  'drill:run',
  'operator:manage',
  'token:manage',
];

describe('roles', () => {
  it('are all listed, with permissions that exist, each once', () => {
    expect(Object.keys(ROLE_PERMISSIONS).sort()).toEqual([...Role.options].sort());
    for (const permissions of Object.values(ROLE_PERMISSIONS)) {
      expect(permissions.every((permission) => Permission.options.includes(permission))).toBe(true);
      expect(new Set(permissions).size).toBe(permissions.length);
    }
  });

  it('leave nothing that nobody may do', () => {
    expect(new Set(ROLE_PERMISSIONS.admin)).toEqual(new Set(Permission.options));
  });

  it('let an auditor change nothing', () => {
    expect(ROLE_PERMISSIONS.auditor.filter((permission) => CHANGES.includes(permission))).toEqual([]);
  });

  it('let operators and the audit log be seen by those who answer for them only', () => {
    const having = (permission: Permission) =>
      Role.options.filter((role) => ROLE_PERMISSIONS[role].includes(permission));
    expect(having('operator:manage')).toEqual(['admin']);
    expect(having('audit:read')).toEqual(['admin', 'auditor']);
    expect(having('device:provision')).toEqual(['admin', 'technician']);
    expect(having('policy:write')).toEqual(['admin', 'dispatcher']);
  });
});
