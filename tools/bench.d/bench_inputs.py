# SPDX-License-Identifier: MIT
"""Input data of the real programs: made here, the same every time, never downloaded.

Each function writes one input into a directory and returns its path. scale 1 gives runs of about a
second.
"""

import json
import os
import random
import subprocess

WORDS = ("heap stack frame tide shore chunk block node leaf root peak rate leak churn drain column "
         "trace module symbol thread event").split()


def write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def sentence(rng, n_words):
    return " ".join(rng.choice(WORDS) for _ in range(n_words))


def sql(directory, scale):
    n = int(110000 * scale)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
    text = "\n".join([
        "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, class INTEGER, price REAL);",
        "BEGIN;",
        "INSERT INTO item " + numbers.format(n) +
        " SELECT i, 'item ' || hex(i * 7919 % 65536), i * 31 % 97, i * 0.25 FROM n;",
        "COMMIT;",
        "CREATE INDEX item_name ON item(name);",
        "CREATE TABLE sale(item INTEGER, day TEXT, n INTEGER);",
        "INSERT INTO sale " + numbers.format(2 * n) +
        f" SELECT i * 17 % {n}, date('2020-01-01', (i % 700) || ' days'), i % 9 FROM n;",
        "SELECT class, count(*), sum(n * price), group_concat(DISTINCT substr(name, 1, 7))"
        " FROM sale JOIN item ON item = id GROUP BY class ORDER BY 3;",
    ])
    statements = (f"SELECT upper(name) || '{i}', json_object('id', id, 'name', name)"
                  f" FROM item WHERE id BETWEEN {i} AND {i + 5};"
                  for i in range(int(27000 * scale)))
    return write(directory, "input.sql", text + "\n" + "\n".join(statements) + "\n")


def perl(directory, scale):
    return write(directory, "input.pl", f"""
use strict;
my (%by_word, %seen);
for my $i (1 .. {int(330000 * scale)}) {{
    my $word = "w" . ($i * 7919 % 20011);
    push @{{ $by_word{{$word}}{{lines}} }}, {{ number => $i, text => "line $i of $word" }};
    $seen{{ substr($word, 0, 3) }}++;
    delete $by_word{{ "w" . ($i * 31 % 20011) }} if $i % 3 == 0;
}}
my @order = sort {{ $seen{{$b}} <=> $seen{{$a}} || $a cmp $b }} keys %seen;
print join(",", map {{ "$_=$seen{{$_}}" }} @order), scalar(keys %by_word), "\\n";
""")


def python(directory, scale):
    return write(directory, "input.py", f"""
import json
rows = [{{"id": i, "name": f"row {{i}}", "tags": ["a" * (i % 7), "b"], "at": [i, i * 0.5, None]}}
        for i in range({int(6000 * scale)})]
for i in range(12):
    text = json.dumps(rows, indent=i % 2)
    rows = [dict(r, name=r["name"].title()) for r in json.loads(text)]
print(len(text))
""")


def json_file(directory, scale):
    rng = random.Random(1)
    rows = [{"id": i, "user": {"name": sentence(rng, 2), "age": rng.randrange(90)},
             "tags": rng.sample(WORDS, 4), "score": rng.random()}
            for i in range(int(28000 * scale))]
    return write(directory, "input.json", json.dumps(rows))


def jq_filter(directory):
    return write(directory, "filter.jq", """
map(select(.user.age > 20)
    | .label = (.user.name | ascii_upcase) + "/" + (.tags | sort | join("+")))
| group_by(.user.age)
| map({age: .[0].user.age, n: length, best: max_by(.score).label, tags: (map(.tags[]) | unique)})
""")


def xml(directory, scale):
    rng = random.Random(2)
    rows = (f'<entry id="{i}" class="c{i // 300}"><title>{sentence(rng, 4)}</title>'
            f"<p>{sentence(rng, 12)} <b>{i}</b></p></entry>" for i in range(int(38000 * scale)))
    return write(directory, "input.xml", "<doc>\n" + "\n".join(rows) + "\n</doc>\n")


def xslt(directory):
    return write(directory, "input.xsl", """<?xml version="1.0"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:key name="by-class" match="entry" use="@class"/>
<xsl:template match="/doc"><html><xsl:for-each select="entry">
<xsl:sort select="title"/><xsl:sort select="@id" data-type="number"/>
<div id="{concat('e', @id)}" n="{count(key('by-class', @class))}"><xsl:apply-templates/></div>
</xsl:for-each></html></xsl:template>
<xsl:template match="title"><h1><xsl:value-of select="translate(., 'aeiou', 'AEIOU')"/></h1>
</xsl:template>
<xsl:template match="p"><p><xsl:apply-templates/></p></xsl:template>
<xsl:template match="b"><i><xsl:value-of select="format-number(., '#,###')"/></i></xsl:template>
</xsl:stylesheet>
""")


def fast_import_stream(scale):
    """Commits that each change a few of many text files."""
    rng = random.Random(3)
    files = {f"dir{i % 12}/file{i}.txt": [sentence(rng, 8) for _ in range(60)] for i in range(240)}
    for number in range(int(2500 * scale)):
        message = f"commit {number}: {sentence(rng, 5)}\n"
        yield (f"commit refs/heads/main\ncommitter A B <a@b> {1600000000 + number * 600} +0000\n"
               f"data {len(message)}\n{message}")
        names = sorted(files) if number == 0 else rng.sample(sorted(files), 5)
        for name in names:
            files[name][rng.randrange(60)] = sentence(rng, 9)
            data = "\n".join(files[name]) + "\n"
            yield f"M 100644 inline {name}\ndata {len(data)}\n{data}\n"


def git_environment(directory):
    """git as if nobody had configured it."""
    return dict(os.environ, HOME=directory, GIT_CONFIG_NOSYSTEM="1", GIT_PAGER="cat",
                GIT_CONFIG_GLOBAL="/dev/null")


def git_repository(directory, scale):
    path = os.path.join(directory, "repository.git")
    env = git_environment(directory)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True, env=env)
    stream = "".join(fast_import_stream(scale)).encode()
    subprocess.run(["git", "-C", path, "fast-import", "--quiet"], input=stream, check=True, env=env)
    return path


def cxx(directory, scale):
    """Much of the standard library, and instances of its templates."""
    headers = "algorithm map memory sstream string tuple unordered_map vector".split()
    lines = [f"#include <{h}>" for h in headers]
    for i in range(max(1, round(2 * scale))):
        lines.append(f"""
struct key{i} {{ int a; std::string b; bool operator<(const key{i} &o) const
{{ return std::tie(a, b) < std::tie(o.a, o.b); }} }};
std::string work{i}(const std::string &text)
{{
	std::map<key{i}, std::vector<std::pair<int, std::string>>> table;
	std::unordered_map<std::string, std::shared_ptr<key{i}>> index;
	std::istringstream in(text);
	for (std::string w; in >> w;) {{
		table[key{i}{{ (int)w.size(), w }}].emplace_back({i}, w);
		index[w] = std::make_shared<key{i}>(key{i}{{ {i}, w }});
	}}
	std::ostringstream out;
	for (auto &[k, v] : table) {{
		std::sort(v.begin(), v.end(),
			  [](auto &x, auto &y) {{ return x.second > y.second; }});
		out << k.b << v.size();
	}}
	return out.str();
}}""")
    return write(directory, "input.cc", "\n".join(lines) + "\n")


def preprocessed(compiler, source):
    """source after the preprocessor of compiler, so that only the compiler proper is measured."""
    path = f"{os.path.splitext(source)[0]}.{os.path.basename(compiler)}.ii"
    subprocess.run([compiler, "-std=gnu++17", "-E", "-o", path, source], check=True)
    return path
