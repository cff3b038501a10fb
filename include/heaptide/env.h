/* SPDX-License-Identifier: MIT */
/* Names of the environment variables heaptide reads or sets. Both sides. */
#ifndef HEAPTIDE_ENV_H
#define HEAPTIDE_ENV_H

/*
 * Set by the recorder for the program, read by the shim: a path that open(2) accepts and that
 * leads to the shared region, for instance "/proc/1234/fd/3". Inherited by children, which is how
 * a whole process tree lands in one trace.
 */
#define HEAPTIDE_ENV_REGION "HEAPTIDE_REGION"

/*
 * Read by `heaptide record` and by the recorder that plain LD_PRELOAD starts. The same meaning as
 * the option beside each; options win.
 */
#define HEAPTIDE_ENV_OUTPUT "HEAPTIDE_OUTPUT"     /* -o FILE, with %p %e %h %t */
#define HEAPTIDE_ENV_UNWIND "HEAPTIDE_UNWIND"     /* --unwind=fast|libunwind|verify|none */
#define HEAPTIDE_ENV_OVERLOAD "HEAPTIDE_OVERLOAD" /* --overload=block|drop */
#define HEAPTIDE_ENV_FOLLOW "HEAPTIDE_FOLLOW"     /* --follow=all|exec|fork|none */
#define HEAPTIDE_ENV_ONLY "HEAPTIDE_ONLY"         /* --only GLOB, several with : between */
#define HEAPTIDE_ENV_MAX_SIZE "HEAPTIDE_MAX_SIZE" /* --max-size=SIZE */
#define HEAPTIDE_ENV_EXACT_TIME "HEAPTIDE_EXACT_TIME" /* 1: --exact-time */
#define HEAPTIDE_ENV_MMAP "HEAPTIDE_MMAP" /* 1: --mmap */
#define HEAPTIDE_ENV_FREE_STACKS "HEAPTIDE_FREE_STACKS" /* 1: --free-stacks */

/* Read by the shim: the heaptide executable to start as recorder under plain LD_PRELOAD. */
#define HEAPTIDE_ENV_RECORDER "HEAPTIDE_RECORDER"

/* Read by the shim: "1" lets it write its few capped messages to descriptor 2; off by default. */
#define HEAPTIDE_ENV_LOG "HEAPTIDE_LOG"

/* Read by `heaptide record`: the shim to preload, when it is not the installed one. */
#define HEAPTIDE_ENV_PRELOAD "HEAPTIDE_PRELOAD"

/* The internal command that plain LD_PRELOAD executes: `heaptide _serve REPLY_FD TARGET_PID`. */
#define HEAPTIDE_SERVE_COMMAND "_serve"

/* Base name of the shim; the default trace name pattern. */
#define HEAPTIDE_PRELOAD_NAME "libheaptide_preload.so"
#define HEAPTIDE_DEFAULT_OUTPUT "heaptide.%e.%p.zst"

#endif
