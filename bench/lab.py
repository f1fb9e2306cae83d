"""What bench/online and bench/crash share: a throw-away PostgreSQL server, running the program, and what a database is judged by.

Nothing here knows of scenarios or of kills.
"""
import contextlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

try:
    import psycopg2
except ImportError:
    # A Python of another kind may come first on the PATH; the one that packages are installed for is this one.
    SYSTEM = '/usr/bin/python3'
    if os.path.realpath(sys.executable) != os.path.realpath(SYSTEM) and os.access(SYSTEM, os.X_OK):
        os.execv(SYSTEM, [SYSTEM, *sys.argv])
    sys.exit('bench: psycopg2 is missing; run scripts/setup --bench, or: apt install python3-psycopg2, pip install psycopg2-binary')

HERE = pathlib.Path(__file__).resolve().parent
# Everything that pg_dump would show is compared, so that the two judge alike.
SCOPE = ['--owners', 'manage', '--privileges', 'manage']


class Failed(Exception):
    """The program fell short: at which stage, and what it said."""

    def __init__(self, stage, why):
        super().__init__(f'{stage}: {why}')
        self.stage, self.why = stage, why


class Server:
    """A throw-away server of its own, in memory where there is room. It can be killed and started again."""

    def __init__(self, pg_bin=None, **settings):
        if not pg_bin:
            found = subprocess.run([HERE.parent / 'scripts/find-postgres'], capture_output=True, text=True)
            if found.returncode:
                sys.exit('bench: no PostgreSQL server programs; run scripts/setup')
            pg_bin = found.stdout.strip()
        self.bin = pathlib.Path(pg_bin)
        memory = '/dev/shm' if os.access('/dev/shm', os.W_OK) and shutil.disk_usage('/dev/shm').free > 6e9 else None
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='underpin-lab-', dir=memory))
        self.who = {}
        if os.geteuid() == 0:
            account = next(pwd.getpwnam(n) for n in ('postgres', 'nobody') if n in {p.pw_name for p in pwd.getpwall()})
            self.who = {'user': account.pw_uid, 'group': account.pw_gid, 'extra_groups': []}
            os.chown(self.dir, account.pw_uid, account.pw_gid)
        os.chmod(self.dir, 0o755)
        self.data, self.process = self.dir / 'data', None
        subprocess.run([self.bin / 'initdb', '-D', self.data, '-U', 'bench', '-A', 'trust', '-N', '--no-locale', '-E', 'UTF8'],
                       check=True, stdout=subprocess.DEVNULL, cwd=self.dir, **self.who)
        known = {'listen_addresses': '', 'max_connections': '120', 'max_wal_size': '8GB', 'jit': 'off',
                 'max_locks_per_transaction': '512', 'timezone': 'UTC'}
        self.options = [x for k, v in (known | settings).items() for x in ('-c', f'{k}={v}')]
        self.log = open(self.dir / 'log', 'ab')
        self.env = {k: v for k, v in os.environ.items() if not k.startswith('PG')}
        self.env.update(PGHOST=str(self.dir), PGPORT='5432', PGUSER='bench', PGOPTIONS='--client-min-messages=warning')
        self.start()
        self.version = self.sql('show server_version')

    def start(self):
        # A session of its own, so that an interrupt at the terminal leaves the server to us.
        self.process = subprocess.Popen([self.bin / 'postgres', '-D', self.data, '-k', self.dir, '-p', '5432', *self.options],
                                        stdout=self.log, stderr=self.log, cwd=self.dir, start_new_session=True, **self.who)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                self.connect('postgres').close()
                return
            except psycopg2.OperationalError:
                time.sleep(0.02)
        raise RuntimeError(f'the server did not start:\n{(self.dir / "log").read_text()[-2000:]}')

    def crash(self):
        """Ends the server as a power cut would: all of its processes at once, by SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            # It must start no further process while the others are counted.
            os.kill(self.process.pid, signal.SIGSTOP)
        children = self.children()
        for pid in [self.process.pid, *children]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        deadline = time.monotonic() + 30
        while any(os.path.exists(f'/proc/{c}') for c in children) and time.monotonic() < deadline:
            time.sleep(0.002)

    def children(self):
        try:
            return [int(c) for c in pathlib.Path(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read_text().split()]
        except FileNotFoundError:
            return []

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def url(self, db):
        return f'postgres://bench@/{db}?host={self.dir}'

    def connect(self, db, name='bench'):
        connection = psycopg2.connect(host=str(self.dir), port=5432, user='bench', dbname=db, application_name=name)
        connection.autocommit = True
        return connection

    def query(self, db, text):
        with contextlib.closing(self.connect(db)) as c, c.cursor() as q:
            q.execute(text)
            return q.fetchall() if q.description else []

    def sql(self, text, db='postgres'):
        rows = self.query(db, text)
        return rows[0][0] if rows else None

    def load(self, db, file):
        p = subprocess.run([self.bin / 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', db, '-f', file], env=self.env,
                           capture_output=True, text=True)
        if p.returncode:
            raise RuntimeError(p.stderr.strip()[:400] or f'psql failed on {file}')

    def create(self, db, template='template0'):
        self.drop(db)
        copying = ' strategy file_copy' if self.major() >= 15 and template != 'template0' else ''
        self.sql(f'create database "{db}" template "{template}"{copying}')

    def drop(self, db):
        for _ in range(100):
            self.query('postgres', f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{db}'")
            try:
                return self.sql(f'drop database if exists "{db}"')
            except psycopg2.errors.ObjectInUse as e:
                if 'subscription' in str(e):
                    self.drop_subscriptions(db)
                time.sleep(0.02)
        raise RuntimeError(f'the database {db} cannot be dropped')

    def drop_subscriptions(self, db):
        """A database with subscriptions cannot be dropped. Their publishers are nowhere, so no slot is asked for."""
        for (name,) in self.query(db, 'select quote_ident(subname) from pg_subscription s join pg_database d on d.oid = subdbid '
                                      'where datname = current_database()'):
            for text in ('disable', 'set (slot_name = none)'):
                self.query(db, f'alter subscription {name} {text}')
            self.query(db, f'drop subscription {name}')

    def major(self):
        with_dots = getattr(self, 'version', None) or '12'
        return int(re.match(r'\d+', with_dots).group())

    def dump(self, db):
        """The schema as pg_dump writes it, made comparable; underpin's own schema left out."""
        p = subprocess.run([self.bin / 'pg_dump', '--schema-only', '-N', 'underpin', '-d', db], env=self.env, capture_output=True, text=True)
        if p.returncode:
            raise RuntimeError(f'pg_dump: {p.stderr.strip()[:300]}')
        return comparable(p.stdout)

    def contents(self, db):
        """{table: (rows, {column: checksum})} of all tables; a sum of hashes, so that the order of rows and of columns is no matter."""
        # Text, since not every type has a hash. The session's settings are the same each time.
        tables = self.query(db, """
            select format('%I.%I', n.nspname, c.relname),
                   coalesce(array_agg(quote_ident(a.attname) order by a.attname) filter (where a.attname is not null), '{}')
              from pg_class c join pg_namespace n on n.oid = c.relnamespace
              left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             where c.relkind in ('r', 'm') and n.nspname <> all ('{pg_catalog,information_schema,pg_toast,underpin}')
               and (c.relkind = 'r' or c.relispopulated) and not n.nspname like 'pg_temp%'
             group by 1 order by 1""")
        out = {}
        for table, columns in tables:
            sums = ''.join(f', coalesce(sum(hashtext({c}::text)::bigint), 0)::text' for c in columns)
            try:
                count, *found = self.query(db, f'select count(*){sums} from only {table}' if sums else f'select count(*) from only {table}')[0]
            except psycopg2.Error as e:
                count, found = f'unreadable: {e}', []
            out[table] = (count, dict(zip(columns, found)))
        return out


def comparable(dump):
    """pg_dump's output as a sorted list of objects. In a table's definition the order of the columns has no meaning, among grants
    on an object neither."""
    objects = []
    for block in re.split(r'(?m)^--\n-- (?=Name: )', dump)[1:]:
        head, _, body = block.partition('\n--\n')
        kind = re.search(r'; Type: ([^;]+);', head)
        kind = kind.group(1) if kind else ''
        lines = [line for line in body.splitlines() if line.strip() and not line.startswith(('--', 'SET ', 'SELECT pg_catalog.', '\\'))]
        if kind in ('TABLE', 'FOREIGN TABLE', 'TYPE'):
            ordered = [line.strip().rstrip(',') for line in lines]
            lines = sorted(ordered) if kind != 'TYPE' else ordered
        elif kind in ('ACL', 'DEFAULT ACL'):
            lines.sort()
        name = head.splitlines()[0] if head else ''
        if 'Name: underpin; Type: SCHEMA' not in name:
            objects.append(name + '\n' + '\n'.join(lines))
    return sorted(objects)


def difference(got, wanted):
    """The first object that one of two dumps has and the other lacks, as text."""
    extra, missing = [x for x in got if x not in wanted], [x for x in wanted if x not in got]
    said = [f'{word} {" | ".join(found[0].splitlines())[:300]}' for word, found in (('has', extra), ('lacks', missing)) if found]
    return '; '.join(said)


class Ran:
    """What a command said and how it ended."""

    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    def words(self, limit=500):
        text = self.err.strip() or self.out.strip()
        return f'exit {self.code}: ' + ' / '.join(text.splitlines()[-6:])[:limit]


def run(command, env, timeout=900):
    start = time.monotonic()
    try:
        p = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, env=env)
        return Ran(p.returncode, p.stdout, p.stderr, time.monotonic() - start)
    except subprocess.TimeoutExpired:
        return Ran(124, '', f'no end within {timeout} s', time.monotonic() - start)


class Program:
    """The program under test against a server's databases."""

    def __init__(self, path, server, extra=(), apply=()):
        self.path, self.server = pathlib.Path(path).resolve(), server
        if not os.access(self.path, os.X_OK):
            sys.exit(f'bench: no program at {path}; `make build` makes it')
        self.env = dict(os.environ, UNDERPIN_CACHE=str(server.dir / 'cache'), TMPDIR=str(server.dir.parent))
        self.env['UNDERPIN_PG_BIN'] = str(server.bin)
        os.makedirs(server.dir / 'cache', exist_ok=True)
        self.extra, self.to_apply = list(extra), list(apply)
        self.gate = ['--confirm-gate'] if '--confirm-gate' in run([self.path, 'apply', '--help'], self.env).out else []

    def apply_command(self, db, schema, phase, strategy='online', plan=None):
        what = ['--plan', plan] if plan else ['--schema', schema, '--strategy', strategy, *SCOPE]
        gate = self.gate if phase == 'contract' else []
        return [self.path, 'apply', '--db', self.server.url(db), *what, '--phase', phase, '--allow', 'all', '--yes', *gate, *self.to_apply, *self.extra]

    def apply(self, db, schema, phase, strategy='online', timeout=900):
        return run(self.apply_command(db, schema, phase, strategy), self.env, timeout)

    def plan(self, db, schema, *more, strategy='online', timeout=300):
        command = [self.path, 'plan', '--db', self.server.url(db), '--schema', schema, '--strategy', strategy, *SCOPE, *self.extra, *more]
        return run(command, self.env, timeout)

    def nothing_to_do(self, db, schema, strategy='online'):
        ran = self.plan(db, schema, '--exit-code', strategy=strategy)
        if ran.code:
            raise Failed('plan again', f'exit {ran.code}: ' + ' / '.join((ran.out + ran.err).strip().splitlines())[:400])
