"""The application that runs while a schema changes, the canaries beside it, and those who get in the way.

The load is open: every statement has a time at which it is due, whatever the server does, and its latency counts from then, so
that nothing hides behind a stall. It runs in processes of its own, so that the one that starts commands cannot slow it.
"""
import collections
import contextlib
import multiprocessing
import random
import re
import subprocess
import sys
import threading
import time

import psycopg2

# Random keys leave out every 50th, which belong to the ledger: the rows whose every acknowledged write is remembered.
LEDGER = 50
HOLE = re.compile(r'\{(id|key|made|v|n|day)\}')
CACHED_PLAN = '0A000'


class Keys:
    """What the holes of statements are filled with. {id}: a row that was there from the start; {key}: a new key; {made}: one of
    those; {v}: a word; {n}: a small number; {day}: a day of this year."""

    def __init__(self, rows):
        self.rows, self.next, self.lock = rows, rows, threading.Lock()

    def fill(self, hole, rng):
        if hole == 'id':
            key = rng.randint(1, self.rows)
            return str(key - 1 if key % LEDGER == 0 else key)
        if hole == 'key':
            with self.lock:
                self.next += 1
                return str(self.next)
        if hole == 'made':
            return str(rng.randint(self.rows + 1, self.next + 1))
        if hole == 'n':
            return str(rng.randint(0, 99))
        if hole == 'day':
            return f"'2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}'"
        return f"'w{rng.getrandbits(40):x}'"


class App:
    """Sessions of the old and of the new application version."""

    def __init__(self, job):
        self.job, self.keys, self.lock = job, Keys(job['rows']), threading.Lock()
        self.window, self.halts, self.threads = 'warm-up', [], []
        self.latency = collections.defaultdict(list)
        self.failed, self.replanned, self.ran = collections.Counter(), collections.Counter(), collections.Counter()
        self.ledger = {}

    def command(self, verb, *more):
        if verb == 'window':
            self.window = more[0]
        elif verb == 'start':
            self.start(*more)
        elif verb == 'stop':
            for version, halt in self.halts:
                if version == more[0]:
                    halt.set()
        elif verb == 'end':
            for _, halt in self.halts:
                halt.set()
            for thread in self.threads:
                thread.join(60)
            return self.results()
        return None

    def start(self, version, ledger=True):
        halt, modes = threading.Event(), self.job['modes']
        self.halts.append((version, halt))
        for n in range(self.job['sessions']):
            self.spawn(self.session, version, n, modes[n % len(modes)], halt, len(self.halts))
        # One of a version at a time: of two that write one row, none can tell whose write came last.
        if ledger and self.job['ledger'].get(version):
            self.spawn(self.keep_ledger, version, halt, len(self.halts))

    def spawn(self, what, *args):
        thread = threading.Thread(target=what, args=args, daemon=True)
        thread.start()
        self.threads.append(thread)

    def connect(self, version):
        connection = psycopg2.connect(**self.job['server'], application_name=f'shop@{version}')
        connection.autocommit = True
        return connection

    def session(self, version, number, mode, halt, start):
        rng = random.Random(f"{self.job['seed']}/{version}/{number}/{start}")
        statements = self.job['statements'][version]
        connection, prepared = self.connect(version), set()
        rate = self.job['rate'] / (2 * self.job['sessions'])
        due = time.monotonic() + rng.expovariate(rate)
        while not halt.is_set():
            wait = due - time.monotonic()
            if wait > 0 and halt.wait(wait):
                break
            number = rng.randrange(len(statements))
            text, window = statements[number], self.window
            values = [self.keys.fill(h, rng) for h in HOLE.findall(text)]
            code, again = None, False
            for _ in range(2):
                known = number in prepared
                code = self.once(connection, text, values, number, prepared if mode == 'prepared' else None)
                if code is None:
                    break
                if connection.closed:
                    connection, prepared = self.reconnect(version), set()
                elif number in prepared:
                    prepared.discard(number)
                    with contextlib.suppress(psycopg2.Error), connection.cursor() as q:
                        q.execute(f'deallocate s{number}')
                if again or not known or code != CACHED_PLAN:
                    break
                again = True
            took = time.monotonic() - due
            with self.lock:
                self.ran[mode] += 1
                self.latency[window].append(took)
                if code:
                    self.failed[(window, version, mode, code, text)] += 1
                elif again:
                    self.replanned[window] += 1
            due += rng.expovariate(rate)
        connection.close()

    def reconnect(self, version):
        while True:
            try:
                return self.connect(version)
            except psycopg2.OperationalError:
                time.sleep(0.05)

    @staticmethod
    def once(connection, text, values, number, prepared):
        """Runs a statement; its SQLSTATE where it failed."""
        try:
            with connection.cursor() as q:
                if prepared is None:
                    given = iter(values)
                    q.execute(HOLE.sub(lambda m: next(given), text))
                else:
                    if number not in prepared:
                        place = iter(range(1, 100))
                        q.execute(f'prepare s{number} as ' + HOLE.sub(lambda m: f'${next(place)}', text))
                        prepared.add(number)
                    q.execute(f'execute s{number}' + (f"({', '.join(values)})" if values else ''))
        except psycopg2.Error as e:
            return e.pgcode or 'connection'
        return None

    def keep_ledger(self, version, halt, start):
        """Writes whose acknowledgement is remembered: updates of rows of its own, inserts, and deletes of what it inserted."""
        rules = self.job['ledger'][version]
        rng = random.Random(f"{self.job['seed']}/ledger/{version}/{start}")
        connection, count, mine = self.connect(version), 0, []
        # Even multiples are the old version's, odd ones the new one's, and so with the keys that it makes.
        step, side = 2 * LEDGER, LEDGER if version == 'new' else 0
        fresh = 1_500_000_000 + 1_000_000 * start
        values = rules.get('values')
        while not halt.is_set():
            count += 1
            value = values[rng.randrange(len(values))] if values else f'{version}-{count}-{rng.getrandbits(24):x}'
            if rules.get('insert') and count % 4 == 0:
                fresh += 1
                verb, key, after = 'insert', fresh, value
            elif rules.get('delete') and count % 8 == 7 and mine:
                verb, key, after = 'delete', mine.pop(rng.randrange(len(mine))), None
            else:
                verb, key, after = 'update', step * rng.randint(1, max(1, self.job['rows'] // step - 1)) - side, value
            text = rules[verb].replace('{id}', str(key)).replace('{v}', f"'{value}'")
            try:
                with connection.cursor() as q:
                    q.execute(text)
                    if q.rowcount == 1:
                        self.ledger[key] = after
                        if verb == 'insert':
                            mine.append(key)
            except psycopg2.Error as e:
                # Whether it was done is not known where the connection broke, so nothing is asked of that row.
                if connection.closed:
                    self.ledger.pop(key, None)
                    connection = self.reconnect(version)
                with self.lock:
                    self.failed[(self.window, version, 'ledger', e.pgcode or 'connection', rules[verb])] += 1
            halt.wait(0.02)
        connection.close()

    def results(self):
        return {'latency': dict(self.latency), 'failed': [(*k, n) for k, n in self.failed.items()],
                'replanned': dict(self.replanned), 'ran': dict(self.ran), 'ledger': self.ledger}


class Canaries:
    """One reader and one writer for each table, a statement every 5 ms: how long could none of them finish?"""

    EVERY = 0.005

    def __init__(self, job):
        self.job, self.keys = job, Keys(job['rows'])
        self.window, self.live, self.threads = 'warm-up', True, []
        self.longest = collections.defaultdict(float)
        self.blocked = collections.defaultdict(float)
        self.lock = threading.Lock()
        for name, texts in job['canaries']:
            thread = threading.Thread(target=self.sing, args=(name, texts), daemon=True)
            thread.start()
            self.threads.append(thread)

    def command(self, verb, *more):
        if verb == 'window':
            self.window = more[0]
        elif verb == 'end':
            self.live = False
            for thread in self.threads:
                thread.join(60)
            return {'longest': [(*k, v) for k, v in self.longest.items()], 'blocked': [(*k, v) for k, v in self.blocked.items()]}
        return None

    def sing(self, name, texts):
        """`texts`: the statement as the old application would write it, then as the new one; where the one fails, the other is
        tried, since what counts here is waiting alone."""
        rng = random.Random(f"{self.job['seed']}/{name}")
        connection = None
        which, due = 0, time.monotonic()
        while self.live:
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            window = self.window
            for _ in texts:
                try:
                    if connection is None or connection.closed:
                        connection = psycopg2.connect(**self.job['server'], application_name='canary')
                        connection.autocommit = True
                    with connection.cursor() as q:
                        q.execute(HOLE.sub(lambda m: self.keys.fill(m.group(1), rng), texts[which]))
                    break
                except psycopg2.Error:
                    which = (which + 1) % len(texts)
            now = time.monotonic()
            with self.lock:
                self.longest[(window, name)] = max(self.longest[(window, name)], now - due)
                if now - due > 2 * self.EVERY:
                    self.blocked[(window, name)] += now - due
            # Statements that fell due while this one waited would have waited with it: one delay, counted once.
            due = max(due + self.EVERY, now)


class Watch:
    """Looks every few milliseconds whether a statement of the application waits for a lock that the program holds, or waits for
    before it. That is the program's doing whatever else the machine is busy with; shorter waits may go unseen."""

    EVERY = 0.004
    WAITS = """
        select max(extract(epoch from clock_timestamp() - {since}))::float8
          from pg_locks l join pg_stat_activity a on a.pid = l.pid
         where not l.granted and (a.application_name like 'shop@%' or a.application_name = 'canary')
           and exists (select from unnest(pg_blocking_pids(l.pid)) b join pg_stat_activity u on u.pid = b
                        where u.application_name like 'underpin%')"""

    def __init__(self, job):
        self.job, self.window, self.live = job, 'warm-up', True
        self.longest = collections.defaultdict(float)
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def command(self, verb, *more):
        if verb == 'window':
            self.window = more[0]
        elif verb == 'end':
            self.live = False
            self.thread.join(30)
            return dict(self.longest)
        return None

    def look(self):
        connection = psycopg2.connect(**self.job['server'], application_name='watch')
        connection.autocommit = True
        # The time that a wait began is there from version 14 on.
        text = self.WAITS.replace('{since}', 'l.waitstart' if connection.server_version >= 140000 else 'a.query_start')
        with connection.cursor() as q:
            q.execute('prepare waits as ' + text)
            while self.live:
                q.execute('execute waits')
                found, window = q.fetchone()[0], self.window
                if found:
                    self.longest[window] = max(self.longest[window], found)
                time.sleep(self.EVERY)
        connection.close()


def serve(kind, job, pipe):
    """The life of a process of load: commands come through the pipe, the results go back at the end."""
    sys.setswitchinterval(0.0005)
    load = kind(job)
    while True:
        try:
            got = load.command(*pipe.recv())
        except EOFError:
            return
        if got is not None:
            pipe.send(got)
            return


class Load:
    """The application, the canaries and the watch, each in a process of its own."""

    def __init__(self, job):
        fork = multiprocessing.get_context('fork')
        self.parts = []
        for kind in (App, Canaries, Watch):
            ours, theirs = fork.Pipe()
            process = fork.Process(target=serve, args=(kind, job, theirs), daemon=True)
            process.start()
            theirs.close()
            self.parts.append((process, ours))

    def tell(self, *words):
        for number, (_, pipe) in enumerate(self.parts):
            if number == 0 or words[0] == 'window':
                pipe.send(words)

    def window(self, name):
        self.tell('window', name)

    def start(self, version, ledger=True):
        self.tell('start', version, ledger)

    def stop(self, version):
        self.tell('stop', version)

    def end(self):
        """Ends all; what the application, the canaries and the watch measured."""
        for _, pipe in self.parts:
            pipe.send(('end',))
        found = []
        for process, pipe in self.parts:
            found.append(pipe.recv() if pipe.poll(120) else None)
            process.join(5)
            if process.is_alive():
                process.kill()
        return found


class Adversary(threading.Thread):
    """One that gets in the way. reader: transactions of 4 s that scan, with 0.5 s between; idle: a transaction left open for
    3 s at a time; vacuum: VACUUM without end; dump: one pg_dump after another."""

    KINDS = ('reader', 'idle', 'vacuum', 'dump')

    def __init__(self, kind, server, db, tables):
        super().__init__(daemon=True)
        self.kind, self.server, self.db, self.tables, self.over = kind, server, db, tables, threading.Event()
        self.dump = None

    def run(self):
        while not self.over.is_set():
            try:
                self.disturb()
            except psycopg2.Error:
                self.over.wait(0.2)

    def disturb(self):
        if self.kind == 'dump':
            self.dump = subprocess.Popen([self.server.bin / 'pg_dump', '-d', self.db], env=self.server.env,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.dump.wait()
            return
        with contextlib.closing(self.server.connect(self.db, 'adversary')) as c, c.cursor() as q:
            q.execute("""select quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                          where c.relname = any(%s) and c.relkind in ('r', 'p') order by array_position(%s::name[], c.relname) limit 1""",
                      (self.tables, self.tables))
            found = q.fetchone()
            table = found[0] if found else 'pg_class'
            if self.kind == 'vacuum':
                q.execute("set vacuum_cost_delay = '2ms'")
                q.execute(f'vacuum {table}')
                return
            q.execute('begin')
            q.execute(f'select count(*) from {table}' if self.kind == 'reader' else f'select from {table} limit 1')
            self.over.wait(4 if self.kind == 'reader' else 3)
            q.execute('rollback')
        self.over.wait(0.5)

    def end(self):
        self.over.set()
        if self.dump and self.dump.poll() is None:
            self.dump.terminate()
        self.join(10)
