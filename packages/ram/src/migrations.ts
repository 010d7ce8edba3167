import type { Migration } from "@cinnabar/kernel";

/** Accounts, and who acts in them. */
export const ramMigrations: readonly Migration[] = [
  {
    name: "ram-0001-accounts",
    async up(db, { text, integer, bytes }) {
      await db.schema
        .createTable("account")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("status", text, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("access_key")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("wrapped_secret", bytes, (column) => column.notNull())
        .addColumn("status", text, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
    },
  },
  {
    name: "ram-0002-access-keys-by-account",
    async up(db) {
      await db.schema.createIndex("access_key_by_account").on("access_key").column("account_id").execute();
    },
  },
  {
    name: "ram-0003-secrets-under-account-keys",
    async up(db, { integer }) {
      await db.schema.alterTable("access_key").addColumn("account_key_version", integer).execute();
    },
  },
  {
    name: "ram-0004-require-usage-review",
    async up(db, { integer }) {
      await db.schema.alterTable("account").addColumn("require_usage_review", integer).execute();
    },
  },
  {
    name: "ram-0005-users-and-groups",
    async up(db, { text, integer, bytes }) {
      const table = (name: string) =>
        db.schema
          .createTable(name)
          .addColumn("revision", integer, (column) => column.notNull())
          .addColumn("mac", bytes, (column) => column.notNull());
      await table("ram_user")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("display_name", text)
        .addColumn("mobile_phone", text)
        .addColumn("email", text)
        .addColumn("comments", text)
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("updated_at", integer, (column) => column.notNull())
        .execute();
      await db.schema.createIndex("ram_user_by_name").on("ram_user").columns(["account_id", "name"]).unique().execute();
      await table("ram_group")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("comments", text)
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("updated_at", integer, (column) => column.notNull())
        .execute();
      await db.schema
        .createIndex("ram_group_by_name")
        .on("ram_group")
        .columns(["account_id", "name"])
        .unique()
        .execute();
      await table("ram_group_member")
        .addColumn("group_id", text, (column) => column.notNull())
        .addColumn("user_id", text, (column) => column.notNull())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("joined_at", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("ram_group_member_identity", ["group_id", "user_id"])
        .execute();
      await db.schema.createIndex("ram_group_member_by_user").on("ram_group_member").column("user_id").execute();
      await db.schema.alterTable("access_key").addColumn("user_id", text).execute();
      await db.schema.createIndex("access_key_by_user").on("access_key").column("user_id").execute();
      await table("login_profile")
        .addColumn("user_id", text, (column) => column.primaryKey())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("wrapped_password_hashes", bytes, (column) => column.notNull())
        .addColumn("account_key_version", integer, (column) => column.notNull())
        .addColumn("password_changed_at", integer, (column) => column.notNull())
        .addColumn("password_reset_required", integer, (column) => column.notNull())
        .addColumn("mfa_bind_required", integer, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .execute();
      await db.schema
        .createIndex("login_profile_by_account_key")
        .on("login_profile")
        .columns(["account_id", "account_key_version"])
        .execute();
      await table("virtual_mfa_device")
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("wrapped_seed", bytes, (column) => column.notNull())
        .addColumn("account_key_version", integer, (column) => column.notNull())
        .addColumn("user_id", text)
        .addColumn("activated_at", integer)
        .addColumn("created_at", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("virtual_mfa_device_identity", ["account_id", "name"])
        .execute();
      await db.schema
        .createIndex("virtual_mfa_device_by_user")
        .on("virtual_mfa_device")
        .column("user_id")
        .unique()
        .execute();
      await db.schema
        .createIndex("virtual_mfa_device_by_account_key")
        .on("virtual_mfa_device")
        .columns(["account_id", "account_key_version"])
        .execute();
      await table("account_alias")
        .addColumn("alias", text, (column) => column.primaryKey())
        .addColumn("account_id", text, (column) => column.notNull().unique())
        .addColumn("created_at", integer, (column) => column.notNull())
        .execute();
      await table("password_policy")
        .addColumn("account_id", text, (column) => column.primaryKey())
        .addColumn("minimum_length", integer, (column) => column.notNull())
        .addColumn("require_lowercase", integer, (column) => column.notNull())
        .addColumn("require_uppercase", integer, (column) => column.notNull())
        .addColumn("require_numbers", integer, (column) => column.notNull())
        .addColumn("require_symbols", integer, (column) => column.notNull())
        .addColumn("hard_expiry", integer, (column) => column.notNull())
        .addColumn("max_age_days", integer, (column) => column.notNull())
        .addColumn("reuse_prevention", integer, (column) => column.notNull())
        .addColumn("max_login_attempts", integer, (column) => column.notNull())
        .execute();
      await table("security_preference")
        .addColumn("account_id", text, (column) => column.primaryKey())
        .addColumn("users_change_password", integer, (column) => column.notNull())
        .addColumn("users_manage_access_keys", integer, (column) => column.notNull())
        .addColumn("users_manage_mfa_devices", integer, (column) => column.notNull())
        .addColumn("users_manage_public_keys", integer, (column) => column.notNull())
        .addColumn("save_mfa_ticket", integer, (column) => column.notNull())
        .addColumn("login_network_masks", text)
        .addColumn("login_session_hours", integer, (column) => column.notNull())
        .execute();
    },
  },
  {
    name: "ram-0006-roles-and-policies",
    async up(db, { text, integer, bytes }) {
      const table = (name: string) =>
        db.schema
          .createTable(name)
          .addColumn("revision", integer, (column) => column.notNull())
          .addColumn("mac", bytes, (column) => column.notNull());
      await table("ram_role")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("description", text, (column) => column.notNull())
        .addColumn("trust_policy", text, (column) => column.notNull())
        .addColumn("max_session_seconds", integer, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("updated_at", integer, (column) => column.notNull())
        .execute();
      await db.schema.createIndex("ram_role_by_name").on("ram_role").columns(["account_id", "name"]).unique().execute();
      await table("ram_policy")
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("description", text, (column) => column.notNull())
        .addColumn("default_version", integer, (column) => column.notNull())
        .addColumn("last_version", integer, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("updated_at", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("ram_policy_identity", ["account_id", "name"])
        .execute();
      await table("ram_policy_version")
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("policy_name", text, (column) => column.notNull())
        .addColumn("version", integer, (column) => column.notNull())
        .addColumn("document", text, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("ram_policy_version_identity", ["account_id", "policy_name", "version"])
        .execute();
      await table("ram_attachment")
        .addColumn("principal_type", text, (column) => column.notNull())
        .addColumn("principal_id", text, (column) => column.notNull())
        .addColumn("policy_type", text, (column) => column.notNull())
        .addColumn("policy_name", text, (column) => column.notNull())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("attached_at", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("ram_attachment_identity", [
          "principal_type",
          "principal_id",
          "policy_type",
          "policy_name",
        ])
        .execute();
      // Finds whom a policy is attached to.
      await db.schema
        .createIndex("ram_attachment_by_policy")
        .on("ram_attachment")
        .columns(["account_id", "policy_type", "policy_name"])
        .execute();
      await table("ram_tag")
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("resource_type", text, (column) => column.notNull())
        .addColumn("resource_name", text, (column) => column.notNull())
        .addColumn("tag_key", text, (column) => column.notNull())
        .addColumn("tag_value", text, (column) => column.notNull())
        .addPrimaryKeyConstraint("ram_tag_identity", ["account_id", "resource_type", "resource_name", "tag_key"])
        .execute();
      // Finds what has a tag.
      await db.schema
        .createIndex("ram_tag_by_value")
        .on("ram_tag")
        .columns(["account_id", "resource_type", "tag_key", "tag_value"])
        .execute();
    },
  },
  {
    name: "ram-0007-oidc-providers",
    async up(db, { text, integer, bytes }) {
      await db.schema
        .createTable("oidc_provider")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("issuer", text, (column) => column.notNull())
        .addColumn("client_ids", text, (column) => column.notNull())
        .addColumn("ca", text)
        .addColumn("allow_local", integer, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
      await db.schema
        .createIndex("oidc_provider_by_name")
        .on("oidc_provider")
        .columns(["account_id", "name"])
        .unique()
        .execute();
    },
  },
  {
    name: "ram-0008-separation-of-duties",
    async up(db, { text }) {
      await db.schema.alterTable("account").addColumn("separation_of_duties", text).execute();
    },
  },
  {
    name: "ram-0009-services",
    async up(db, { text }) {
      await db.schema.alterTable("account").addColumn("service", text).execute();
      await db.schema.createIndex("account_by_service").on("account").column("service").unique().execute();
    },
  },
];
