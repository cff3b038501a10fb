/* SPDX-License-Identifier: MIT */
/* Gets a thread ready for a life without system calls. Target, own thread, may not allocate. */
#include "confinement.h"

#include "clock.h"
#include "lifecycle.h"
#include "real_calls.h"
#include "sys_prim.h"
#include "thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sys/resource.h>

/* Leaves of the live map for the heap that is there, tables of stacks, kept frames. */
#define RESERVE_BYTES (64u << 20)

/* What a stack may still grow down; more is not looked at. */
#define STACK_BYTES (8ull << 20)
#define PAGE_BYTES  4096ull

static int (*next_prctl)(int, unsigned long, unsigned long, unsigned long, unsigned long);

/* In the main thread's stack, behind all frames. */
extern void *__libc_stack_end __attribute__((weak));

void ht_confinement_resolve(void)
{
	void *found = dlsym(RTLD_NEXT, "prctl");

	ht_real_calls_clear_dlerror();
	if (found != (void *)(uintptr_t)prctl)
		next_prctl = (int (*)(int, unsigned long, unsigned long, unsigned long,
		                      unsigned long))(uintptr_t)found;
}

bool ht_confinement_has_clock(void)
{
	int how = PR_TSC_ENABLE;

	return ht_sys_is_error(ht_sys6(SYS_prctl, PR_GET_TSC, (long)&how, 0, 0, 0, 0)) ||
	       how == PR_TSC_ENABLE;
}

/* For all threads alike: what one thread frees of another's must not seem to come first. */
static void leave_clock(void)
{
	if (ht_process.clock_kind == HT_CLOCK_RECORDER)
		return;
	ht_process.last_own_tick = ht_clock_tick();
	ht_process.clock_kind = HT_CLOCK_RECORDER;
}

static uint64_t stack_limit_bytes(void)
{
	struct rlimit limit = { 0 };
	long ret = ht_sys6(SYS_prlimit64, 0, RLIMIT_STACK, 0, (long)&limit, 0, 0);

	if (ht_sys_is_error(ret) || limit.rlim_cur > STACK_BYTES)
		return STACK_BYTES;
	return limit.rlim_cur & -PAGE_BYTES;
}

/*
 * Whether memory can be read is a question to the kernel, so it is asked now, for all of the stack. The
 * main thread's does not exist yet below what was used, but grows down to its limit by being used.
 */
static void learn_stack(struct ht_stack_memory *m, uint64_t sp)
{
	ht_stack_memory_enter(m, sp);
	for (uint64_t n = PAGE_BYTES; n < STACK_BYTES; n += PAGE_BYTES) {
		if (!ht_stack_memory_has(m, sp - n) && !ht_stack_memory_reach(m, (sp - n) & -8ull))
			break;
	}
	if (!&__libc_stack_end || !ht_stack_memory_reach(m, (uint64_t)__libc_stack_end & -8ull) ||
	    !ht_stack_memory_has(m, (uint64_t)__libc_stack_end))
		return;
	while (ht_stack_memory_reach(m, m->current.hi_addr))
		;
	uint64_t lowest_addr = m->current.hi_addr - stack_limit_bytes();

	if (lowest_addr < m->current.lo_addr)
		m->current.lo_addr = lowest_addr;
}

static void prepare(uint64_t sp)
{
	struct ht_thread *t = ht_thread_paused_or_self();

	if (!t)
		return;
	learn_stack(&t->walk.memory, sp);
	ht_sys_fill_reserve(RESERVE_BYTES);
}

static int call_next(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	if (next_prctl)
		return next_prctl(option, a, b, c, d);

	long ret = ht_sys_raw6(SYS_prctl, option, (long)a, (long)b, (long)c, (long)d, 0);

	if (!ht_sys_is_error(ret))
		return (int)ret;
	errno = (int)-ret;
	return -1;
}

static int enter_strict_mode(unsigned long mode, unsigned long b, unsigned long c, unsigned long d)
{
	/* A signal's handler in between finds the thread confined already. */
	ht_tls.in_hook = HT_IN_SETUP;
	leave_clock();
	prepare((uint64_t)__builtin_frame_address(0));
	ht_sys_is_confined = true;
	ht_tls.in_hook = 0;

	int ret = call_next(PR_SET_SECCOMP, mode, b, c, d);

	ht_sys_is_confined = ret == 0;
	return ret;
}

int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	if (!ht_tls.in_hook && ht_lifecycle_is_active()) {
		if (option == PR_SET_SECCOMP && a == SECCOMP_MODE_STRICT)
			return enter_strict_mode(a, b, c, d);
		if (option == PR_SET_TSC && a == PR_TSC_SIGSEGV)
			leave_clock();
	}
	return call_next(option, a, b, c, d);
}
