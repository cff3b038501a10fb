/* SPDX-License-Identifier: MIT */
/*
 * The system calls of the shim, made directly: no errno, no cancellation point, no libc that could
 * lock, allocate or be replaced by the program. Target, any thread, any moment, may not allocate.
 *
 * Every function returns what the kernel returned: a value, or minus an errno number.
 */
#ifndef HT_SYS_PRIM_H
#define HT_SYS_PRIM_H

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

/*
 * True in a thread that the kernel kills for its next system call (confinement.h). None is made then: all
 * fail, pages come from a reserve, waiting is done by looking again and again.
 */
extern __thread bool ht_sys_is_confined __attribute__((tls_model("initial-exec")));

/* Have n_bytes mapped for confined threads, or as much as can be had. What was left before is lost. */
void ht_sys_fill_reserve(size_t n_bytes);

/* Zeroed pages from the reserve, or NULL. */
void *ht_sys_take_from_reserve(size_t n_bytes);

/* At most 100 ms, by guess: even the clock may be a system call. */
void ht_sys_spin_wait(const _Atomic uint32_t *word, uint32_t expected);

#if defined(__x86_64__)
static inline long ht_sys_raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
	                 : "=a"(ret)
	                 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static inline long ht_sys_raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
	                 : "+r"(x0)
	                 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
	                 : "memory");
	return x0;
}
#else
#error "sys_prim.h: add the system call instruction of this architecture"
#endif

static inline long ht_sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	if (__builtin_expect(ht_sys_is_confined, 0))
		return -EPERM;
	return ht_sys_raw6(nr, a, b, c, d, e, f);
}

static inline bool ht_sys_is_error(long ret)
{
	return (unsigned long)ret > -4096ul;
}

/* Zeroed private memory in whole pages, or NULL. */
static inline void *ht_sys_alloc_pages(size_t n_bytes)
{
	if (__builtin_expect(ht_sys_is_confined, 0))
		return ht_sys_take_from_reserve(n_bytes);

	long ret = ht_sys6(SYS_mmap, 0, (long)n_bytes, PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return ht_sys_is_error(ret) ? NULL : (void *)ret;
}

static inline void ht_sys_free_pages(void *pages, size_t n_bytes)
{
	ht_sys6(SYS_munmap, (long)pages, (long)n_bytes, 0, 0, 0, 0);
}

static inline long ht_sys_open(const char *path, int flags)
{
	return ht_sys6(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, 0, 0, 0);
}

static inline long ht_sys_close(int fd)
{
	return ht_sys6(SYS_close, fd, 0, 0, 0, 0, 0);
}

static inline long ht_sys_read(int fd, void *buf, size_t n_bytes)
{
	return ht_sys6(SYS_read, fd, (long)buf, (long)n_bytes, 0, 0, 0);
}

static inline long ht_sys_write(int fd, const void *buf, size_t n_bytes)
{
	return ht_sys6(SYS_write, fd, (long)buf, (long)n_bytes, 0, 0, 0);
}

static inline long ht_sys_readlink(const char *path, char *buf, size_t n_bytes)
{
	return ht_sys6(SYS_readlinkat, AT_FDCWD, (long)path, (long)buf, (long)n_bytes, 0, 0);
}

static inline uint32_t ht_sys_getpid(void)
{
	return (uint32_t)ht_sys6(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static inline uint32_t ht_sys_getppid(void)
{
	return (uint32_t)ht_sys6(SYS_getppid, 0, 0, 0, 0, 0, 0);
}

static inline uint32_t ht_sys_gettid(void)
{
	return (uint32_t)ht_sys6(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

/* Whether thread tid of this process still exists. */
static inline bool ht_sys_is_thread_alive(uint32_t pid, uint32_t tid)
{
	return !ht_sys_is_error(ht_sys6(SYS_tgkill, pid, tid, 0, 0, 0, 0));
}

/* Sleep until *word is not expected, a wake, a signal, or timeout_ns. */
static inline void ht_sys_futex_wait(const _Atomic uint32_t *word, uint32_t expected,
                                     uint64_t timeout_ns)
{
	if (__builtin_expect(ht_sys_is_confined, 0)) {
		ht_sys_spin_wait(word, expected);
		return;
	}

	struct timespec ts = { (time_t)(timeout_ns / 1000000000u),
		               (long)(timeout_ns % 1000000000u) };

	ht_sys6(SYS_futex, (long)word, FUTEX_WAIT, expected, (long)&ts, 0, 0);
}

/*
 * Whether the 8 bytes at addr can be read, without a descriptor and without touching them: the
 * kernel copies the set before it looks at `how`, and refuses an impossible `how` afterwards
 * (EFAULT against EINVAL; nothing is changed either way).
 */
static inline bool ht_sys_is_readable(uint64_t addr)
{
	return ht_sys6(SYS_rt_sigprocmask, -1, (long)addr, 0, 8, 0, 0) == -22 /* EINVAL */;
}

#endif
