-- The registry of the fleet. Names of keys and indices are those that Prisma derives from prisma/schema.prisma, so that
-- "prisma migrate diff" finds nothing to do. Once applied somewhere, this file must not change: add a new migration.

CREATE TYPE "Role" AS ENUM ('admin', 'dispatcher', 'technician', 'auditor');
CREATE TYPE "DeviceState" AS ENUM ('pending', 'active', 'revoked');
CREATE TYPE "PolicyScope" AS ENUM ('organisation', 'group', 'vehicle');
CREATE TYPE "PolicyState" AS ENUM ('pending', 'received', 'applied', 'rejected', 'reverted');
CREATE TYPE "Source" AS ENUM ('vehicle', 'gateway');

CREATE TABLE "organisation" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organisation_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "vehicle_group" (
    "id" UUID NOT NULL,
    "organisation_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "require_approval" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "vehicle_group_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "vehicle" (
    "id" UUID NOT NULL,
    "organisation_id" UUID NOT NULL,
    "group_id" UUID,
    "name" TEXT NOT NULL,
    "notes" TEXT NOT NULL DEFAULT '',
    "overlay_host" INTEGER NOT NULL,
    "networks" TEXT[],
    "policy_version" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "archived_at" TIMESTAMPTZ(3),

    CONSTRAINT "vehicle_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "uplink" (
    "id" UUID NOT NULL,
    "vehicle_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "label" TEXT NOT NULL DEFAULT '',
    "operator" TEXT NOT NULL DEFAULT '',
    "iccid" TEXT,
    "monthly_cap_bytes" BIGINT,

    CONSTRAINT "uplink_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "device" (
    "id" UUID NOT NULL,
    "vehicle_id" UUID NOT NULL,
    "state" "DeviceState" NOT NULL,
    "hostname" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "agent_version" TEXT NOT NULL,
    "identity_key" TEXT NOT NULL,
    "tunnel_public_key" TEXT NOT NULL,
    "next_identity_key" TEXT,
    "next_tunnel_public_key" TEXT,
    "enrolled_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "approved_at" TIMESTAMPTZ(3),
    "approved_by" TEXT,
    "credentials_renewed_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "revoked_reason" TEXT,

    CONSTRAINT "device_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "claim" (
    "id" UUID NOT NULL,
    "vehicle_id" UUID NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "device_id" UUID,

    CONSTRAINT "claim_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "policy_revision" (
    "scope" "PolicyScope" NOT NULL,
    "scope_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "layer" JSONB NOT NULL,
    "comment" TEXT NOT NULL DEFAULT '',
    "author" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "policy_revision_pkey" PRIMARY KEY ("scope", "scope_id", "version")
);

CREATE TABLE "issued_policy" (
    "vehicle_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "digest" TEXT NOT NULL,
    "policy" JSONB NOT NULL,
    "sources" JSONB NOT NULL,
    "set_by" JSONB NOT NULL,
    "jws" TEXT NOT NULL,
    "issued_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "state" "PolicyState" NOT NULL DEFAULT 'pending',
    "reason" TEXT NOT NULL DEFAULT '',
    "received_at" TIMESTAMPTZ(3),
    "settled_at" TIMESTAMPTZ(3),
    "in_force" INTEGER,

    CONSTRAINT "issued_policy_pkey" PRIMARY KEY ("vehicle_id", "version")
);

CREATE TABLE "operator" (
    "id" UUID NOT NULL,
    "organisation_id" UUID NOT NULL,
    "username" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "role" "Role" NOT NULL,
    "password_hash" TEXT NOT NULL,
    "disabled_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_login_at" TIMESTAMPTZ(3),

    CONSTRAINT "operator_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "operator_session" (
    "id_hash" BYTEA NOT NULL,
    "operator_id" UUID NOT NULL,
    "csrf_token" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "operator_session_pkey" PRIMARY KEY ("id_hash")
);

CREATE TABLE "api_token" (
    "id" UUID NOT NULL,
    "hash" BYTEA NOT NULL,
    "operator_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "scopes" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_token_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "audit_entry" (
    "id" UUID NOT NULL,
    "organisation_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "target" TEXT,
    "detail" JSONB NOT NULL,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "telemetry_cursor" (
    "device_id" UUID NOT NULL,
    "session" INTEGER NOT NULL,
    "seq" INTEGER NOT NULL,

    CONSTRAINT "telemetry_cursor_pkey" PRIMARY KEY ("device_id")
);

-- A partition a day, made ahead of time and dropped whole by the gateway: there is no default partition, because rows in
-- one would forbid creating the partition that they belong into.
CREATE TABLE "metric_frame" (
    "vehicle_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "source" "Source" NOT NULL,
    "session" INTEGER NOT NULL,
    "seq" INTEGER NOT NULL,
    "tunnel" JSONB NOT NULL,
    "paths" JSONB NOT NULL,
    "classes" JSONB NOT NULL,
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,

    CONSTRAINT "metric_frame_pkey" PRIMARY KEY ("vehicle_id", "at", "source", "session", "seq")
) PARTITION BY RANGE ("at");

CREATE TABLE "event" (
    "id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "vehicle_id" UUID NOT NULL,
    "source" "Source" NOT NULL,
    "type" TEXT NOT NULL,
    "detail" JSONB NOT NULL,

    CONSTRAINT "event_pkey" PRIMARY KEY ("id", "at")
) PARTITION BY RANGE ("at");

CREATE UNIQUE INDEX "vehicle_group_organisation_id_name_key" ON "vehicle_group"("organisation_id", "name");
CREATE UNIQUE INDEX "vehicle_overlay_host_key" ON "vehicle"("overlay_host");
CREATE INDEX "vehicle_group_id_idx" ON "vehicle"("group_id");
CREATE UNIQUE INDEX "vehicle_organisation_id_name_key" ON "vehicle"("organisation_id", "name");
CREATE UNIQUE INDEX "uplink_vehicle_id_name_key" ON "uplink"("vehicle_id", "name");
CREATE UNIQUE INDEX "device_identity_key_key" ON "device"("identity_key");
CREATE UNIQUE INDEX "device_tunnel_public_key_key" ON "device"("tunnel_public_key");
CREATE UNIQUE INDEX "device_next_identity_key_key" ON "device"("next_identity_key");
CREATE UNIQUE INDEX "device_next_tunnel_public_key_key" ON "device"("next_tunnel_public_key");
CREATE INDEX "device_vehicle_id_idx" ON "device"("vehicle_id");
CREATE INDEX "claim_vehicle_id_idx" ON "claim"("vehicle_id");
CREATE UNIQUE INDEX "operator_username_key" ON "operator"("username");
CREATE INDEX "operator_session_operator_id_idx" ON "operator_session"("operator_id");
CREATE UNIQUE INDEX "api_token_hash_key" ON "api_token"("hash");
CREATE INDEX "api_token_operator_id_idx" ON "api_token"("operator_id");
CREATE INDEX "audit_entry_organisation_id_at_idx" ON "audit_entry"("organisation_id", "at" DESC);
CREATE INDEX "event_vehicle_id_at_idx" ON "event"("vehicle_id", "at" DESC);
CREATE INDEX "event_at_id_idx" ON "event"("at" DESC, "id" DESC);

ALTER TABLE "vehicle_group" ADD CONSTRAINT "vehicle_group_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisation"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "vehicle" ADD CONSTRAINT "vehicle_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisation"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "vehicle" ADD CONSTRAINT "vehicle_group_id_fkey" FOREIGN KEY ("group_id") REFERENCES "vehicle_group"("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "uplink" ADD CONSTRAINT "uplink_vehicle_id_fkey" FOREIGN KEY ("vehicle_id") REFERENCES "vehicle"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "device" ADD CONSTRAINT "device_vehicle_id_fkey" FOREIGN KEY ("vehicle_id") REFERENCES "vehicle"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "claim" ADD CONSTRAINT "claim_vehicle_id_fkey" FOREIGN KEY ("vehicle_id") REFERENCES "vehicle"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "claim" ADD CONSTRAINT "claim_device_id_fkey" FOREIGN KEY ("device_id") REFERENCES "device"("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "issued_policy" ADD CONSTRAINT "issued_policy_vehicle_id_fkey" FOREIGN KEY ("vehicle_id") REFERENCES "vehicle"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "operator" ADD CONSTRAINT "operator_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisation"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "operator_session" ADD CONSTRAINT "operator_session_operator_id_fkey" FOREIGN KEY ("operator_id") REFERENCES "operator"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_operator_id_fkey" FOREIGN KEY ("operator_id") REFERENCES "operator"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "audit_entry" ADD CONSTRAINT "audit_entry_organisation_id_fkey" FOREIGN KEY ("organisation_id") REFERENCES "organisation"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
