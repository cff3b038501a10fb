/* SPDX-License-Identifier: MIT */
/*
 * symbolize FILE: reads hexadecimal addresses of FILE from stdin, one a line, and prints for each
 * what `addr2line -a -i -f -C -e FILE` prints, by heaptide's symbolizer. Test helper, host.
 */
#include "analyzer/symbols/symbolizer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: symbolize FILE <addresses\n", stderr);
		return 99;
	}

	struct ht_symbolizer *sym = ht_symbolizer_new();
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		struct ht_symbol_query query = {
			.module_path = argv[1],
			.addr = strtoull(line, NULL, 16),
		};
		const struct ht_frame_name *frames;
		size_t n = ht_symbolizer_resolve(sym, &query, &frames);

		printf("0x%016" PRIx64 "\n", query.addr);
		for (size_t i = 0; i < n; i++) {
			printf("%s\n%s:", frames[i].function ? frames[i].function : "??",
			       frames[i].file ? frames[i].file : "??");
			if (frames[i].line)
				printf("%" PRIu32 "\n", frames[i].line);
			else
				puts("?");
		}
	}
	for (size_t i = 0; i < ht_symbolizer_n_warnings(sym); i++)
		fprintf(stderr, "symbolize: %s\n", ht_symbolizer_warning(sym, i));
	ht_symbolizer_free(sym);
	return 0;
}
