// The schema of a small shop, as TypeORM's entities say it. The database is the empty one that underpin gives.
const { DataSource, EntitySchema } = require('typeorm')

const Team = new EntitySchema({
  name: 'Team',
  tableName: 'teams',
  columns: {
    id: { type: 'int', primary: true, generated: 'identity', generatedIdentity: 'ALWAYS' },
    name: { type: 'text', unique: true },
  },
})

const User = new EntitySchema({
  name: 'User',
  tableName: 'users',
  columns: {
    id: { type: 'bigint', primary: true, generated: 'identity' },
    email: { type: 'text' },
    active: { type: 'boolean', default: true },
  },
  relations: { team: { type: 'many-to-one', target: 'Team', joinColumn: { name: 'team' }, onDelete: 'CASCADE' } },
  indices: [{ name: 'users_email', columns: ['email'] }],
})

module.exports = new DataSource({
  type: 'postgres',
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  username: process.env.PGUSER,
  password: process.env.PGPASSWORD,
  database: process.env.PGDATABASE,
  entities: [Team, User],
})
