#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The commands of heaptide-fleet(7), as they stand there: ClickHouse from Debian, and receivers of pushed profiles.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

"$heaptide" record -q -o "$e2e_scratch/t.zst" -- sort /usr/share/common-licenses/GPL-3 >/dev/null || exit 99
mkdir "$e2e_scratch/bin"
ln -s "$heaptide" "$e2e_scratch/bin/heaptide"
PATH=$e2e_scratch/bin:$PATH

# manual NAME: run a piece of the page.
manual() {
	sed -n "/^\\.\\\\\" begin $1\$/,/^\\.\\\\\" end/p" "$HT_TOP_SRCDIR/analyzer/man/heaptide-fleet.man" |
		sed -e '/^\.\\"/d' -e 's/\\-/-/g' -e "s/\\\\(aq/'/g" >"$1.sh"
	[ -s "$1.sh" ]
	bash -eo pipefail "$1.sh"
}

# stop PID: it, and nothing of it is left.
stop() {
	kill "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

# await FILE: until it has something.
await() {
	for _ in $(seq 300); do
		[ -s "$1" ] && return
		sleep 0.1
	done
	fail "$1 did not come"
}

# Takes a port, and has it until it is told.
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

clickhouse() {
	need clickhouse-server curl python3
	local port tcp
	port=$(free_port)
	tcp=$(free_port)
	cat >users.xml <<-END
		<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default><password/>
		<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users></yandex>
	END
	cat >config.xml <<-END
		<yandex><logger><level>warning</level><log>$PWD/log</log><errorlog>$PWD/errors</errorlog></logger>
		<http_port>$port</http_port><tcp_port>$tcp</tcp_port><listen_host>127.0.0.1</listen_host>
		<path>$PWD/data/</path><tmp_path>$PWD/tmp/</tmp_path><users_config>$PWD/users.xml</users_config>
		<default_profile>default</default_profile><default_database>default</default_database>
		<mark_cache_size>10000000</mark_cache_size></yandex>
	END
	timeout 100 clickhouse-server --config-file=config.xml >server.log 2>&1 &
	server=$!
	trap 'stop $server' EXIT
	export CLICKHOUSE=http://127.0.0.1:$port
	for _ in $(seq 300); do
		curl -s "$CLICKHOUSE" >ready || true
		[ -s ready ] && break
		kill -0 "$server" || skip "the server does not run here: $(tail -n 1 server.log)"
		sleep 0.1
	done
	[ -s ready ]
	cp ../t.zst .
	manual create
	HOST=one DAY=2026-11-17 manual insert
	HOST=two DAY=2026-11-24 manual insert
	HOST=three DAY=2026-11-24 manual insert
	equal "rows" "$(($("$heaptide" export jsonl t.zst | wc -l) * 3))" "$(curl -sSf "$CLICKHOUSE" --data-binary 'SELECT count() FROM heap')"
	equal "bytes at the peak" "$(value t.zst '.peak.bytes * 3')" "$(curl -sSf "$CLICKHOUSE" --data-binary 'SELECT sum(at_peak_bytes) FROM heap')"
	DAY=2026-11-24 manual query >rows
	[ -s rows ]
	# Of each place twice as much on the new day: it grew by once.
	equal "hosts, and what they have twice of" "" "$(awk -F '\t' '$3 != 3 || $4 != 2 * $5' rows)"
	equal "the largest" "$("$heaptide" export jsonl t.zst | jq -s 'group_by(.stack_id) | map(map(.at_peak_bytes) | add) | max')" \
		"$(head -n 1 rows | cut -f 5)"
}

# A receiver that knows what the two interfaces are specified to take, and refuses all else; profiles go to files.
receiver() {
	cat >receiver.py <<-'END'
		import base64, http.server, json, sys

		def only(what, *keys):
		    assert set(what) <= set(keys), what.keys()

		def pyroscope(body):
		    only(body, "series")
		    for series in body["series"]:
		        only(series, "labels", "samples")
		        yield series["labels"], series["samples"]

		def parca(body):
		    only(body, "tenant", "series", "normalized")
		    for series in body["series"]:
		        only(series, "labels", "samples")
		        only(series["labels"], "labels")
		        yield series["labels"]["labels"], series["samples"]

		paths = {"/push.v1.PusherService/Push": pyroscope, "/api/profiles/writeraw": parca}

		class Handler(http.server.BaseHTTPRequestHandler):
		    def do_POST(self):
		        try:
		            assert self.headers["Content-Type"] == "application/json"
		            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
		            for labels, samples in paths[self.path](body):
		                names = {}
		                for label in labels:
		                    only(label, "name", "value")
		                    names[label["name"]] = label["value"]
		                assert names["__name__"] and names["host"] == "here", names
		                for sample in samples:
		                    only(sample, "rawProfile", "ID")
		                    with open(paths[self.path].__name__ + ".pb.gz", "wb") as f:
		                        f.write(base64.b64decode(sample["rawProfile"], validate=True))
		            answer = 200
		        except Exception as e:
		            print(repr(e), file=sys.stderr, flush=True)
		            answer = 400
		        self.send_response(answer)
		        self.send_header("Content-Type", "application/json")
		        self.send_header("Content-Length", "2")
		        self.end_headers()
		        self.wfile.write(b"{}")

		server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
		with open("port", "w") as f:
		    print(server.server_port, file=f)
		server.serve_forever()
	END
	timeout 100 python3 receiver.py 2>receiver.log &
}

pushed() {
	need curl python3
	cp ../t.zst .
	"$heaptide" export pprof -o t.pb.gz t.zst
	receiver
	server=$!
	trap 'stop $server' EXIT
	await port
	export HOST=here PYROSCOPE PARCA
	PYROSCOPE=http://127.0.0.1:$(<port)
	PARCA=$PYROSCOPE/api
	manual pyroscope || fail "$(cat receiver.log)"
	manual parca || fail "$(cat receiver.log)"
	cmp t.pb.gz pyroscope.pb.gz
	cmp t.pb.gz parca.pb.gz
	# What came is what pprof reads, with the report's numbers.
	if command -v go >/dev/null; then
		run env HOME="$PWD" go tool pprof -sample_index=peak_space -unit=B -top -nodecount=1 parca.pb.gz
		equal "status of pprof" 0 "$status"
		says out "$(value t.zst .peak.bytes)B total"
	fi
	sed -i 's/"Content-Type: [^"]*"/"Content-Type: text\/plain"/' parca.sh
	run bash -eo pipefail parca.sh
	[ "$status" -ne 0 ]
}

e2e_case "ClickHouse" clickhouse
e2e_case "Pyroscope and Parca" pushed
e2e_done
