"""The page and the picture of what bench/online measured.

A note of the page's own, between the marks, is kept when the page is written anew.
"""
import math
import os
import pathlib

BEGIN, END = '<!-- by hand: begin -->', '<!-- by hand: end -->'
WAYS = (('online', '#2a7f62'), ('direct', '#c8553d'))


def ms(value):
    if value is None:
        return ''
    return f'{value:,.0f}' if value >= 100 else f'{value:.1f}'


def pairs(run):
    """[(online result or None, direct result or None)] by scenario, in the order of their names."""
    by_name = {}
    for result in run['results']:
        by_name.setdefault(result['name'], {})[result['strategy']] = result
    return [(found.get('online'), found.get('direct')) for _, found in sorted(by_name.items())]


def joined(runs):
    """One run of several: each change as the last that has it tells."""
    whole = dict(runs[-1])
    found = {(r['name'], r['strategy']): r for run in runs for r in run['results']}
    whole['results'] = list(found.values())
    whole['commands'] = [c for run in runs for c in commands(run)]
    return whole


def commands(run):
    return run.get('commands') or [run['command']]


def failures(result):
    """Failed statements and why, in a cell."""
    if not result or result.get('failed') is None:
        return '?'
    states = ', '.join(f'{code}' for code in sorted(result.get('sqlstates', {})))
    return f"{result['failed']} ({states})" if result['failed'] else '0'


def change(result):
    return result['about'] + (' **(did not end well)**' if result['error'] else '')


def rows_of(run):
    out = ['| change | failed online | directly | replanned online | lost | diverging | longest stall online, ms | directly, ms | longest wait for a lock online, ms | directly, ms | canary read / write online, ms | directly, ms |',
           '|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|']
    for online, direct in pairs(run):
        some = online or direct

        def canary(result):
            return f"{ms(result.get('canary_read_ms'))} / {ms(result.get('canary_write_ms'))}" if result else ''

        cells = [change(some), failures(online) if online else '', failures(direct) if direct else '',
                 online.get('replanned', '?') if online else '',
                 f"{online.get('lost', '?')} of {online.get('acknowledged', '?')}" if online else '', online['diverging'] if online else '',
                 ms(online.get('stall_ms')) if online else '', ms(direct.get('stall_ms')) if direct else '',
                 ms(online.get('lock_wait_ms')) if online else '', ms(direct.get('lock_wait_ms')) if direct else '', canary(online), canary(direct)]
        out.append('| ' + ' | '.join(map(str, cells)) + ' |')
    return out


def fills(run):
    filled = [r for r, _ in pairs(run) if r and r.get('fill_rate')]
    if not filled:
        return []
    out = ['## Filling', '', 'Rows filled per second beside the application: by the walk in short transactions, and by its whole stage, with the checks,',
           'validations and statistics that follow; and by one plain `UPDATE` of the same rows under the same load, which keeps every row',
           'locked to its end.', '', '| change | walk, rows/s | whole stage, rows/s | one UPDATE, rows/s | walk / UPDATE | stage / UPDATE |',
           '|---|--:|--:|--:|--:|--:|']
    for r in filled:
        walk, stage, plain = r.get('walk_rate'), r['fill_rate'], r['plain_rate']
        cells = [f'{walk:,.0f}' if walk else '', f'{stage:,.0f}', f'{plain:,.0f}', f'{walk / plain:.2f}' if walk else '', f'{stage / plain:.2f}']
        out.append(f"| {r['about']} | " + ' | '.join(cells) + ' |')
    return [*out, '']


def beside(run, others):
    """The stalls of the same changes in other runs."""
    if not others:
        return []
    def named(r):
        words = [f"{r['rows']:,} rows"] + ([f"beside {', '.join(r['adversaries'])}"] if r['adversaries'] else [])
        return ', '.join(words + ([f"{' and '.join(r['modes'])} only"] if len(r['modes']) == 1 else []))

    def cell(r, name):
        found = next((x for x in r['results'] if x['name'] == name and x['strategy'] == 'online'), None)
        if found is None:
            return ''
        bad = [f'{n} {what}' for n, what in ((found.get('failed'), 'failed'), (found.get('lost'), 'lost'), (found['diverging'], 'diverging')) if n]
        return ms(found.get('stall_ms')) + ''.join(f', {b}' for b in bad) + (', **did not end well**' if found['error'] else '')

    runs = [run, *others]
    out = ['## The same in other surroundings', '', 'The longest stall that each change caused online, in ms, and what failed, was lost or diverged where anything did. Runs:', '']
    for r in runs:
        control = ms(sorted(c['control_ms'] for c in r['results'] if 'control_ms' in c)[-1])
        said = 'as above' if r is run else ', '.join(f'`{c}`' for c in commands(r))
        out.append(f'- {named(r)}: {said}; control {control} ms at most.')
    out += ['', '| change | ' + ' | '.join(map(named, runs)) + ' |', '|---|' + '--:|' * len(runs)]
    for online, direct in pairs(run):
        some = online or direct
        cells = [cell(r, some['name']) for r in runs]
        if any(cells[1:]):
            out.append(f"| {some['about']} | " + ' | '.join(cells) + ' |')
    return [*out, '']


def errors(run):
    bad = [r for r in run['results'] if r['error']]
    if not bad:
        return []
    out = ['## What did not end well', '']
    out += [f"- {r['about']} ({r['strategy']}): `{r['error'][:240].replace('`', chr(39))}`" for r in bad]
    return [*out, '']


def write(run, page, others=()):
    picture = page.with_suffix('.svg')
    picture.write_text(bars(run))
    online = [r for r in run['results'] if r['strategy'] == 'online']
    direct = [r for r in run['results'] if r['strategy'] == 'direct']
    good = [r for r in online if not (r['error'] or r.get('failed') or r.get('lost') or r['diverging'])]
    against = f", beside: {', '.join(run['adversaries'])}" if run['adversaries'] else ''
    kept = page.read_text() if page.exists() else ''
    note = kept[kept.index(BEGIN):kept.index(END) + len(END)] if BEGIN in kept and END in kept else f'{BEGIN}\n{END}'
    text = [
        '# Changes under a running application, measured', '',
        "Written by `make bench-online`, which plays the scenarios of `bench/online.d`. What is counted, and how, stands at the head of",
        '`bench/online`. This time:', '', '```', *commands(run), '```', '',
        f"{run['date']}, {cpu()}, {os.cpu_count()} CPUs, PostgreSQL {run['server']}, {run['program']}; {run['rows']:,} rows in each table; {run['rate']:.0f} statements",
        f"per second of {run['sessions']} sessions of each version ({' and '.join(run['modes'])}){against}. Application, canaries, server and program share the machine.", '',
        note, '',
        f'- Online, {len(good)} of {len(online)} changes passed without an error, a failed statement, a lost write or a diverging row.',
    ]
    for name, results in (('online', online), ('directly', direct)):
        stalls = sorted(r['stall_ms'] for r in results if 'stall_ms' in r)
        if stalls:
            text.append(f"- Longest stall caused, {name}: median {ms(stalls[len(stalls) // 2])} ms, worst {ms(stalls[-1])} ms; "
                        f"statements failed: {sum(r.get('failed', 0) for r in results):,} of {sum(r.get('statements', 0) for r in results):,}.")
    controls = sorted(r['control_ms'] for r in run['results'] if 'control_ms' in r)
    if controls:
        text.append(f'- With nothing changing, the longest latency on this machine was {ms(controls[len(controls) // 2])} ms (median of the controls) to '
                    f'{ms(controls[-1])} ms: stalls of that order are noise.')
    text += ['', f'![Longest stall of each change, online and directly]({picture.name})', '', '## Figures', '',
             'A stall is the longest latency less that of the control. The canaries are a reader and a writer for each table, a statement every 5 ms:',
             'the longest time that none of them could finish. A wait for a lock counts where the program held it or stood before in the queue;',
             'a look every 4 ms may miss shorter ones. Replanned: prepared statements that failed once with 0A000, since a result',
             'type changed, and worked when prepared again; they are not among the failed.', '',
             *rows_of(run), '', *fills(run), *beside(run, others), *errors(run),
             '## To repeat', '', '```', 'make bench-online                                     # all scenarios, 1,000,000 rows',
             'make bench-online ONLINE="--quick --only add_index"   # one, fewer rows', 'make bench-online ONLINE="--adversary reader"          # with long transactions beside', '```', '']
    page.write_text('\n'.join(text))


def cpu():
    try:
        lines = pathlib.Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return 'unknown processor'
    return next((line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')), 'unknown processor')


def bars(run):
    """Two bars for each change, on a scale of powers of ten, from 1 ms."""
    found = [(o, d) for o, d in pairs(run) if (o and 'stall_ms' in o) or (d and 'stall_ms' in d)]
    left, width, high, top = 330, 560, 26, 64
    longest = max((r['stall_ms'] for pair in found for r in pair if r and 'stall_ms' in r), default=10)
    decades = max(2, math.ceil(math.log10(max(longest, 10))))

    def x(value):
        return left + width * math.log10(max(value, 1)) / decades

    height = top + high * len(found) + 20
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 90} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{left + width + 90}" height="{height}" fill="white"/>',
           f'<text x="12" y="22" font-size="15" font-weight="bold">Longest stall that a change causes, ms ({run["rows"]:,} rows; logarithmic)</text>']
    for n, (name, colour) in enumerate(WAYS):
        out.append(f'<rect x="{left + 100 * n}" y="32" width="12" height="12" fill="{colour}"/><text x="{left + 100 * n + 17}" y="42">{name}</text>')
    for d in range(decades + 1):
        at = x(10 ** d)
        out.append(f'<line x1="{at:.1f}" y1="{top - 4}" x2="{at:.1f}" y2="{height - 16}" stroke="#ddd"/>'
                   f'<text x="{at:.1f}" y="{height - 4}" text-anchor="middle" fill="#666">{10 ** d:,}</text>')
    for n, pair in enumerate(found):
        y = top + high * n
        some = next(r for r in pair if r)
        out.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{some["name"].replace("_", " ")}</text>')
        for k, (result, (_, colour)) in enumerate(zip(pair, WAYS)):
            if result and 'stall_ms' in result:
                value, at = result['stall_ms'], y + 1 + 10 * k
                long = max(x(value) - left, 1)
                faded = ' opacity="0.4"' if result['error'] or result.get('failed') else ''
                out.append(f'<rect x="{left}" y="{at}" width="{long:.1f}" height="9" fill="{colour}"{faded}/>'
                           f'<text x="{left + long + 4:.1f}" y="{at + 8}" font-size="9" fill="#444">{ms(value)}'
                           + (f', {result["failed"]} failed' if result.get('failed') else '') + ('</text>' if not result['error'] else ', error</text>'))
    return '\n'.join([*out, '</svg>', ''])
