/** Who may do what: every route declares one permission, and roles grant permissions. */
export const ROLES = ["viewer", "operator", "approver", "custodian", "auditor", "administrator"] as const;
export type Role = (typeof ROLES)[number];

export const PERMISSIONS = ["read", "operate", "decide", "templates.decide", "reveal", "audit", "administer"] as const;
export type Permission = (typeof PERMISSIONS)[number];

const GRANTS: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: ["read"],
  operator: ["read", "operate"],
  approver: ["read", "decide", "templates.decide"],
  custodian: ["read", "reveal"],
  auditor: ["read", "audit"],
  administrator: ["read", "operate", "administer", "templates.decide"],
};

/** Whether one of the roles grants the permission. */
export function grants(roles: readonly Role[], permission: Permission): boolean {
  return roles.some((role) => GRANTS[role].includes(permission));
}
