/* SPDX-License-Identifier: MIT */
/* Attaching to the recording, fork's children, going inert. Target, may not allocate. */
#include "lifecycle.h"

#include "binding_scan.h"
#include "capture.h"
#include "chunk.h"
#include "clock.h"
#include "confinement.h"
#include "follow.h"
#include "hook_exec.h"
#include "hot.h"
#include "module_table.h"
#include "python_walk.h"
#include "real_calls.h"
#include "recorder_start.h"
#include "shim_log.h"
#include "shim_text.h"
#include "stack_source.h"
#include "stack_table.h"
#include "unwind_rules.h"
#include "sys_prim.h"
#include "thread.h"

#include <heaptide/env.h>
#include <sys/auxv.h>
#include <sys/stat.h>

enum state {
	STATE_NEW,
	STATE_STARTING, /* one thread attaches, or makes a fork's child a process of its own */
	STATE_ACTIVE,
	STATE_INERT,
};

struct ht_process ht_process HT_HOT_VARIABLE;

static _Atomic uint32_t state; /* enum state; also what other threads wait on */
static _Atomic uint32_t never_active;
_Atomic uint32_t *_Atomic ht_active_word HT_HOT_VARIABLE = &never_active;
static _Atomic uint32_t *wiped_word;

/* Private copies, so that a fork's child needs no file to describe itself. */
static char exe[HT_PROCESS_EXE_BYTES];
static uint32_t exe_bytes;
static char cmdline[HT_PROCESS_CMDLINE_BYTES];
static uint32_t cmdline_bytes;
static char allocator[HT_PROCESS_ALLOCATOR_BYTES];
static uint32_t allocator_bytes;
static bool has_own_recorder; /* plain LD_PRELOAD, and this is no child yet */

/*
 * The program's file. Where the loader was executed with the program's path as its argument (it has no base then,
 * as nothing loaded it), the kernel's answer is the loader, and the path is in the auxiliary vector, which the
 * loader has put right.
 */
static uint32_t read_exe(char *path, size_t size)
{
	const char *of = "/proc/self/exe";
	const char *name = (const char *)getauxval(AT_EXECFN);
	char fd_path[32];
	long fd = -1;

	if (getauxval(AT_BASE) == 0 && name)
		fd = ht_sys_open(name, O_PATH);
	if (fd >= 0) {
		size_t end = ht_text_append(fd_path, 0, sizeof(fd_path), "/proc/self/fd/");

		ht_text_append_number(fd_path, end, sizeof(fd_path), (unsigned long)fd);
		of = fd_path;
	}

	long n = ht_sys_readlink(of, path, size - 1);

	if (fd >= 0)
		ht_sys_close((int)fd);
	path[n > 0 ? n : 0] = '\0';
	return n > 0 ? (uint32_t)n : 0;
}

static void read_self(void)
{
	struct stat st;

	if (!ht_sys_is_error(ht_sys6(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/ns/pid", (long)&st,
	                             0, 0, 0)))
		ht_process.pid_namespace = st.st_ino;
	allocator_bytes = ht_real_calls_allocator(allocator, sizeof(allocator));
	exe_bytes = read_exe(exe, sizeof(exe));
	/* The loader has no name for the program. */
	if (allocator_bytes == 0 && ht_real_calls_are_bypassed())
		allocator_bytes = (uint32_t)ht_text_append(allocator, 0, sizeof(allocator), exe);

	long n, fd = ht_sys_open("/proc/self/cmdline", O_RDONLY);

	if (ht_sys_is_error(fd))
		return;
	while (cmdline_bytes < sizeof(cmdline) - 1) {
		n = ht_sys_read((int)fd, cmdline + cmdline_bytes,
		                sizeof(cmdline) - 1 - cmdline_bytes);
		if (ht_sys_is_error(n) || n == 0)
			break;
		cmdline_bytes += (uint32_t)n;
	}
	ht_sys_close((int)fd);
}

/* Map the region at path. NULL when there is none, it is another version's, or it has ended. */
static struct ht_region_header *map_region(const char *path)
{
	struct ht_region_header *region = NULL;
	long fd = ht_sys_open(path, O_RDWR);

	if (ht_sys_is_error(fd))
		return NULL;
	long ret = ht_sys6(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (!ht_sys_is_error(ret)) {
		const struct ht_region_header *head = (const struct ht_region_header *)ret;
		uint64_t n_bytes = head->region_bytes;
		bool fits = head->magic == HT_REGION_MAGIC && head->version == HT_REGION_VERSION &&
		            head->header_bytes == sizeof(*head) &&
		            head->process_slot_bytes == HT_PROCESS_SLOT_BYTES;

		ht_sys_free_pages((void *)ret, 4096);
		if (fits) {
			ret = ht_sys6(SYS_mmap, 0, (long)n_bytes, PROT_READ | PROT_WRITE,
			              MAP_SHARED, fd, 0);
			if (!ht_sys_is_error(ret))
				region = (struct ht_region_header *)ret;
		}
	}
	ht_sys_close((int)fd);
	if (region && (atomic_load(&region->recorder_state) != HT_RECORDER_RUNNING ||
	               atomic_load(&region->recorder_lock[0]) & HT_RECORDER_LOCK_OWNER_DIED)) {
		ht_sys_free_pages(region, region->region_bytes);
		region = NULL;
	}
	return region;
}

/* Far longer than the recorder needs on a busy machine; only one that is stopped needs longer. */
#define NOTICE_LIMIT_NS 1000000000ull
#define NOTICE_SLICE_NS 5000000ull

static void ring(struct ht_region_header *region)
{
	ht_sys6(SYS_futex, (long)&region->next_process_serial, FUTEX_WAKE, 1, 0, 0, 0);
}

/* The recorder knows of its own child, and of a program that has just started it. */
static bool is_known_to_recorder(const struct ht_process_slot *slot)
{
	return has_own_recorder || (int32_t)slot->ppid == ht_process.region->recorder_pid;
}

static void await_notice(const struct ht_process_slot *slot)
{
	struct ht_region_header *region = ht_process.region;

	for (uint64_t waited_ns = 0; waited_ns < NOTICE_LIMIT_NS; waited_ns += NOTICE_SLICE_NS) {
		if (atomic_load_explicit(&slot->is_noticed, memory_order_acquire) ||
		    ht_chunk_is_recorder_gone(region))
			return;
		ht_sys_futex_wait(&slot->is_noticed, 0, NOTICE_SLICE_NS);
		ring(region);
	}
}

/* A process slot of our own, filled in. False when all are taken. */
static bool claim_slot(enum ht_process_start kind, uint32_t parent_serial)
{
	struct ht_region_header *region = ht_process.region;
	uint32_t pid = ht_sys_getpid();

	for (uint32_t i = 0; i < region->n_process_slots; i++) {
		struct ht_process_slot *slot = ht_region_process(region, i);
		_Atomic uint64_t *state_word = ht_region_process_state(region, i);
		uint64_t free_word = 0;

		if (!atomic_compare_exchange_strong(state_word, &free_word,
		                                    ht_process_word(HT_PROCESS_CLAIMED, pid)))
			continue;
		slot->serial = atomic_fetch_add(&region->next_process_serial, 1);
		slot->parent_serial = parent_serial;
		slot->start_kind = kind;
		slot->ppid = ht_sys_getppid();
		/* A fork's child in a new namespace of its own has no parent there. */
		slot->pid_namespace = kind == HT_START_FORK && !slot->ppid ? 0 : ht_process.pid_namespace;
		slot->start_tick = ht_clock_tick();
		slot->first_id = ht_chunk_first_unused_id();
		slot->first_node = ht_stack_table_first_unused_node();
		for (uint32_t j = 0; j < exe_bytes; j++)
			slot->exe[j] = exe[j];
		slot->exe_bytes = exe_bytes;
		for (uint32_t j = 0; j < cmdline_bytes; j++)
			slot->cmdline[j] = cmdline[j];
		slot->cmdline_bytes = cmdline_bytes;
		for (uint32_t j = 0; j < allocator_bytes; j++)
			slot->allocator[j] = allocator[j];
		slot->allocator_bytes = allocator_bytes;
		slot->is_bypassed = ht_real_calls_are_bypassed();
		atomic_store(&slot->n_early_blocks, atomic_load(&ht_boot_arena_n_blocks));

		ht_process.slot = slot;
		ht_process.slot_index = i;
		ht_process.pid = pid;
		ht_process.serial = slot->serial;
		atomic_store(state_word, ht_process_word(HT_PROCESS_ACTIVE, pid));
		ring(region);
		if (!ht_process.is_dropping && !is_known_to_recorder(slot))
			await_notice(slot);
		return true;
	}
	atomic_fetch_add(&region->n_processes_refused, 1);
	return false;
}

static bool make_wiped_word(void)
{
	wiped_word = ht_sys_alloc_pages(4096);
	return wiped_word && !ht_sys_is_error(ht_sys6(SYS_madvise, (long)wiped_word, 4096,
	                                              MADV_WIPEONFORK, 0, 0, 0));
}

/*
 * Who has the region mapped is waited for. No hook of this process is in the middle of using it: the
 * caller is the first one, or the only thread of a fork's child and in no other hook.
 */
static void leave_region(void)
{
	struct ht_region_header *region = ht_process.region;

	ht_process.slot = NULL;
	ht_process.region = NULL;
	ht_sys_free_pages(region, region->region_bytes);
}

/* This process has a slot from before its exec, if that image was recorded: it has ended. */
static void end_earlier_image(void)
{
	struct ht_region_header *region = ht_process.region;
	uint64_t word = ht_process_word(HT_PROCESS_ACTIVE, ht_sys_getpid());

	for (uint32_t i = 0; i < region->n_process_slots; i++) {
		struct ht_process_slot *slot = ht_region_process(region, i);

		if (atomic_load(ht_region_process_state(region, i)) == word &&
		    (slot->pid_namespace == ht_process.pid_namespace || !slot->pid_namespace))
			atomic_store(&slot->is_replaced, 1);
	}
}

static bool start(void)
{
	char path[1024];
	const char *region_path = ht_recorder_getenv(HEAPTIDE_ENV_REGION);

	if (!make_wiped_word())
		return false;
	if (!region_path) {
		if (!ht_recorder_start(path, sizeof(path))) {
			ht_shim_log("not recording: ", path, NULL);
			return false;
		}
		ht_recorder_export_region(path);
		has_own_recorder = true;
		region_path = path;
	}
	ht_process.region = map_region(region_path);
	if (!ht_process.region)
		return false;

	const struct ht_region_header *region = ht_process.region;

	ht_process.clock_kind = ht_confinement_has_clock() ? region->clock_kind : HT_CLOCK_RECORDER;
	ht_process.tick_shift = region->tick_shift;
	ht_process.max_frames = region->max_frames;
	ht_process.is_dropping = region->overload == HT_OVERLOAD_DROP;
	read_self();
	if (!ht_follow_wants_image(ht_process.region, exe, cmdline_bytes ? cmdline : "")) {
		end_earlier_image();
		leave_region();
		return false;
	}
	if (region->has_mappings)
		ht_real_calls_wake_mapping_hooks();
	if (region->has_free_stacks)
		ht_capture_keep_free_stacks();
	ht_module_table_set_exe_path(exe);
	ht_process.unwind = ht_stack_source_setup(region->unwind);
	return claim_slot(HT_START_EXEC, 0);
}

/* In a fork's child: nothing of the parent's chunks and slot may be touched. */
static bool become_child(void)
{
	has_own_recorder = false;
	if (!ht_follow_wants_fork(ht_process.region)) {
		leave_region();
		return false;
	}

	bool had_threads = ht_thread_after_fork();
	ht_stack_table_fork_child();
	ht_unwind_rules_fork_child();
	if (had_threads) {
		ht_stack_source_leave_libunwind();
		ht_binding_scan_forget_lock();
	}
	return claim_slot(HT_START_FORK, ht_process.serial);
}

static void set_state(enum state to)
{
	atomic_store(&state, to);
	ht_sys6(SYS_futex, (long)&state, FUTEX_WAKE, INT32_MAX, 0, 0, 0);
}

bool ht_lifecycle_check(void)
{
	uint32_t now = atomic_load_explicit(&state, memory_order_acquire);

	/* Another thread is at it; it waits for nobody, so this is short. */
	for (int i = 0; now == STATE_STARTING && i < 1000; i++) {
		ht_sys_futex_wait(&state, STATE_STARTING, 1000000);
		now = atomic_load_explicit(&state, memory_order_acquire);
	}
	if (now == STATE_INERT || now == STATE_STARTING)
		return false;
	if (ht_lifecycle_is_active())
		return true;
	if (!atomic_compare_exchange_strong(&state, &now, STATE_STARTING))
		return ht_lifecycle_check();

	if (!(now == STATE_NEW ? start() : become_child())) {
		atomic_store(&ht_active_word, &never_active);
		set_state(STATE_INERT);
		return false;
	}
	atomic_store(wiped_word, 1);
	atomic_store(&ht_active_word, wiped_word);
	set_state(STATE_ACTIVE);
	return true;
}

void ht_lifecycle_stop(void)
{
	atomic_store(&ht_active_word, &never_active);
	set_state(STATE_INERT);
}

/* Here and not at the first event: the interpreter is asked for its version, once, outside of any hook. */
static void set_up_python(void)
{
	if (!ht_process.region->has_python || !ht_python_walk_setup(ht_thread_paused_or_self()))
		return;
	ht_process.has_python = true;
	if (ht_process.unwind == HT_UNWIND_FAST)
		ht_process.unwind = HT_UNWIND_FAST_AND_PYTHON;
}

/* By now a hook may have done all of it; a program that never allocates is recorded as well. */
__attribute__((constructor)) static void construct(void)
{
	if (ht_tls.in_hook || !ht_real_calls_resolve())
		return;
	ht_tls.in_hook = HT_IN_SETUP;
	ht_confinement_resolve();
	ht_hook_exec_resolve();
	ht_binding_scan_setup();
	if (ht_lifecycle_is_active() || ht_lifecycle_check())
		set_up_python();
	ht_tls.in_hook = 0;
}
