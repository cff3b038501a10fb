/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzer does, for make check: traces given as arguments, each mutated some hundred times in ways
 * that depend on nothing but their number. With -i they are traces of heaptrack, to be imported. With -w DIR, writes
 * them as a corpus for the fuzzer. Tests.
 */
#include "fuzz_blocks.h"

#include "analyzer/base/strbuf.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t state;

static uint64_t any(uint64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

/* A byte changed, numbers made large or small, pieces doubled, moved or gone. */
static void mutate(struct ht_strbuf *list)
{
	static const uint8_t values[] = { 0, 1, 2, 0x7f, 0x80, 0xff };
	uint8_t *bytes = (uint8_t *)list->text;
	size_t n = list->n_bytes, at = any(n), to = any(n);
	size_t n_piece = 1 + any(64);

	if (at + n_piece > n || to + n_piece > n)
		n_piece = 1;
	switch (any(6)) {
	case 0: bytes[at] ^= (uint8_t)(1u << any(8)); break;
	case 1: bytes[at] = values[any(sizeof(values))]; break;
	case 2: memset(bytes + at, 0xff, n_piece < 9 ? n_piece : 9); break;
	case 3: memmove(bytes + to, bytes + at, n_piece); break;
	case 4: bytes[at] = (uint8_t)(bytes[at] + any(3) - 1); break;
	case 5:
		memmove(bytes + at, bytes + at + n_piece, n - at - n_piece);
		list->n_bytes -= n_piece;
		break;
	}
}

static bool write_file(const char *directory, unsigned number, const struct ht_strbuf *list)
{
	struct ht_strbuf path = { 0 };

	ht_strbuf_addf(&path, "%s/%u", directory, number);

	FILE *f = fopen(path.text, "w");
	bool is_written = f && fwrite(list->text, 1, list->n_bytes, f) == list->n_bytes;

	ht_strbuf_done(&path);
	return f && fclose(f) == 0 && is_written;
}

static bool read_file(const char *path, struct ht_strbuf *bytes)
{
	FILE *f = fopen(path, "r");
	char part[4096];
	size_t n;

	if (!f)
		return false;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		ht_strbuf_add(bytes, part, n);
	return fclose(f) == 0;
}

int main(int argc, char **argv)
{
	void (*fuzz)(const uint8_t *bytes, size_t n_bytes) = fuzz_blocks;
	const char *directory = NULL;
	unsigned n_mutants = 200;
	unsigned n = 0;
	int c;

	while ((c = getopt(argc, argv, "iw:n:")) != -1) {
		switch (c) {
		case 'i': fuzz = fuzz_import; break;
		case 'w': directory = optarg; break;
		case 'n': n_mutants = (unsigned)atoi(optarg); break;
		default: return 2;
		}
	}
	for (int i = optind; i < argc; i++) {
		struct ht_strbuf list = { 0 };

		if (fuzz == fuzz_blocks)
			fuzz_blocks_of_trace(argv[i], &list);
		else if (!read_file(argv[i], &list))
			return 1;
		if (directory && !write_file(directory, (unsigned)i, &list))
			return 1;
		for (unsigned k = 0; k <= n_mutants && !directory; k++, n++) {
			struct ht_strbuf mutant = { 0 };

			state = 0x9e3779b97f4a7c15ull * (n + 1);
			ht_strbuf_add(&mutant, list.text, list.n_bytes);
			for (uint64_t m = k == 0 ? 0 : 1 + any(6); m > 0 && mutant.n_bytes > 64;
			     m--)
				mutate(&mutant);
			fuzz((const uint8_t *)mutant.text, mutant.n_bytes);
			ht_strbuf_done(&mutant);
		}
		ht_strbuf_done(&list);
	}
	printf("%u mutants read\n", n);
	return 0;
}
