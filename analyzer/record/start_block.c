/* SPDX-License-Identifier: MIT */
/* Describes the recording. Analyzer. */
#include "config.h"

#include "analyzer/record/start_block.h"

#include <heaptide/trace_codec.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* Linux allows 2 MiB of arguments by default; nobody reads more than this. */
#define BODY_BYTES (256u << 10)
#define ARGS_MAX_BYTES (128u << 10)

static void put_string(struct ht_put *p, const char *s)
{
	ht_put_bytes(p, s, strlen(s));
}

enum ht_err ht_start_block_write(struct ht_block_writer *blocks,
				 const struct ht_clock_source *clock, uint32_t tolerance_ticks,
				 bool has_mappings, bool has_free_stacks, int argc, const char *const *argv, struct ht_diag *diag)
{
	uint8_t *body = malloc(BODY_BYTES);
	struct ht_put p = ht_put_init(body, body ? BODY_BYTES : 0);
	struct ht_block_meta meta = { .type = HT_BLOCK_START };
	struct utsname host = { 0 };
	struct timespec now = { 0, 0 };
	char cwd[PATH_MAX];

	if (!body) {
		*diag = (struct ht_diag){ HT_ERR_NOMEM, 0, UINT64_MAX, UINT64_MAX, "out of memory" };
		return HT_ERR_NOMEM;
	}
	uname(&host);
	clock_gettime(CLOCK_REALTIME, &now);
	if (!getcwd(cwd, sizeof(cwd)))
		cwd[0] = '\0';

	ht_put_u64(&p, HT_TRACE_VERSION);
	ht_put_u64(&p, clock->kind);
	ht_put_u64(&p, clock->shift);
	ht_put_u64(&p, clock->tick_ps);
	ht_put_u64(&p, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	ht_put_u64(&p, (uint64_t)getpid());
	put_string(&p, PACKAGE_VERSION);
	put_string(&p, host.nodename);
	put_string(&p, host.machine);
	put_string(&p, cwd);

	int n_args = 0;
	size_t n_bytes = 0;

	while (n_args < argc && n_bytes + strlen(argv[n_args]) + HT_VARINT_MAX_BYTES < ARGS_MAX_BYTES)
		n_bytes += strlen(argv[n_args++]) + HT_VARINT_MAX_BYTES;
	ht_put_u64(&p, (uint64_t)n_args);
	for (int i = 0; i < n_args; i++)
		put_string(&p, argv[i]);
	ht_put_u64(&p, tolerance_ticks);
	ht_put_u64(&p, has_mappings);
	ht_put_u64(&p, has_free_stacks);

	enum ht_err err = ht_block_writer_put(blocks, &meta, body, (size_t)(p.pos - body), diag);

	free(body);
	return err;
}
