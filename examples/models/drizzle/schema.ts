// The schema of a small shop, as Drizzle's models say it.
import { sql } from 'drizzle-orm'
import { bigint, boolean, index, integer, pgTable, text } from 'drizzle-orm/pg-core'

export const teams = pgTable('teams', {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  name: text().notNull().unique(),
})

export const users = pgTable('users', {
  id: bigint({ mode: 'number' }).primaryKey().generatedByDefaultAsIdentity(),
  email: text().notNull(),
  active: boolean().notNull().default(true),
  team: integer().references(() => teams.id, { onDelete: 'cascade' }),
}, (table) => [index('users_email').on(sql`lower(${table.email})`)])
