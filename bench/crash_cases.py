"""The cases that bench/crash applies: where they come from, and how a database is built from one."""
import importlib.machinery
import importlib.util
import json
import pathlib
import re
import tomllib

import lab

CASES = lab.HERE.parent / 'testdata/cases/postgres'
ROLE = re.compile(r'(?im)^[ \t]*(create|drop|alter)[ \t]+(role|user|group)[ \t]+(?!mapping\b)[^;]*;')

# Gives every table a few rows, where it takes them: small numbers, short words, the first value of an enum. A table that refers to
# another is filled in the next pass.
ROWS = r"""
do $$
declare
  t record; names text; given text; round int; n int;
begin
  for round in 1..3 loop
    for t in select c.oid, format('%I.%I', s.nspname, c.relname) as name
               from pg_class c join pg_namespace s on s.oid = c.relnamespace
              where c.relkind in ('r', 'p') and not c.relispartition and s.nspname <> all ('{pg_catalog,information_schema,underpin}') loop
      for n in 1..4 loop
        select string_agg(quote_ident(a.attname), ', '),
               string_agg(case
                 when y.typtype = 'e' then (select quote_literal(min(e.enumlabel)) from pg_enum e where e.enumtypid = y.oid)
                 when y.typcategory in ('N', 'S') then quote_literal(n)
                 when y.typcategory = 'B' then quote_literal(n % 2 = 0)
                 when y.typcategory = 'D' then quote_literal(date '2026-01-01' + n)
                 when y.typcategory = 'A' then '''{}'''
                 when y.typname = 'uuid' then quote_literal(md5(n::text))
                 when y.typname in ('json', 'jsonb') then quote_literal(format('{"n": %s}', n))
                 when y.typname = 'bytea' then quote_literal('\x0' || n)
                 else 'default' end, ', ')
          into names, given
          from pg_attribute a join pg_type y on y.oid = a.atttypid
         where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity = '';
        begin
          execute format('insert into %s (%s) values (%s)', t.name, names, given);
        exception when others then null;
        end;
      end loop;
    end loop;
  end loop;
end $$
"""


class Transition:
    """Two schemas as SQL, and maybe rows."""

    weight = 1

    def __init__(self, name, before, after, seed=''):
        self.name, self.before, self.after, self.seed = name, before, after, seed

    def fits(self, major):
        """Whether both files are for such a server: `-- needs PostgreSQL 15`, `-- needs PostgreSQL 12 to 14` in the first line."""
        said = filter(None, (re.match(r'-- needs PostgreSQL (\d+)(?: to (\d+))?', text) for text in (self.before, self.after)))
        return all(int(m.group(1)) <= major <= int(m.group(2) or 1000) for m in said)

    def build(self, server, db, desired, rows):
        del rows  # only scenarios are of a chosen size
        source = desired.with_name('from.sql')
        server.create(db)
        for file, text in ((source, self.before), (desired, self.after)):
            file.write_text(without_roles(server, text) + '\n')
        server.load(db, source)
        if self.seed:
            seeds = desired.with_name('seed.sql')
            seeds.write_text(self.seed)
            server.load(db, seeds)
        server.query(db, ROWS)


class Online:
    """A scenario of bench/online.d."""

    weight = 12

    def __init__(self, scenario, online):
        self.name, self.scenario, self.online = f'online/{scenario.name}', scenario, online

    def fits(self, major):
        return major >= 13  # gen_random_uuid() without an extension

    def build(self, server, db, desired, rows):
        desired.write_text(self.scenario.desired)
        self.online.make(server, self.scenario, rows, db)


def without_roles(server, text):
    """The script without what makes roles, which belong to the whole server: they are made once, here."""
    for statement in ROLE.finditer(text):
        if statement.group(1).lower() == 'create':
            try:
                server.query('postgres', statement.group(0))
            except lab.psycopg2.Error:
                pass
    return ROLE.sub('', text)


def all_of(files, sample, only):
    """Every case whose name matches."""
    # A program without the ending that an import looks for.
    loader = importlib.machinery.SourceFileLoader('online', str(lab.HERE / 'online'))
    online = importlib.util.module_from_spec(importlib.util.spec_from_loader('online', loader))
    loader.exec_module(online)
    base = tomllib.loads((online.SCENARIOS / 'base.toml').read_text())
    found = [Online(online.Scenario(p, base), online) for p in sorted(online.SCENARIOS.glob('*.toml')) if p.stem != 'base']
    for source in sorted(CASES.rglob('from.sql')):
        name = str(source.parent.relative_to(CASES))
        old, new = source.read_text(), source.with_name('to.sql').read_text()
        found += [Transition(f'{name}/forwards', old, new), Transition(f'{name}/backwards', new, old)]
    for path in map(pathlib.Path, files):
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        if sample and len(lines) > sample:
            lines = [lines[n * len(lines) // sample] for n in range(sample)]
        for case in lines:
            setup = (case.get('meta') or {}).get('setup', '')
            found.append(Transition(f"{path.stem}/{case['name']}", f"{setup}\n{case['from']}", f"{setup}\n{case['to']}", case.get('seed', '')))
    return [t for t in found if re.search(only or '', t.name)]
