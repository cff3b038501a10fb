/* SPDX-License-Identifier: MIT */
/* Gives blocks back by the wrong function, and by the right ones. */
#include "program.h"

#include <cstring>
#include <new>

#define NOT_INLINE __attribute__((noinline))
/* No jump to the last function: that would take our frame from the stack. */
#define STAY __asm__ volatile("")

static NOT_INLINE void *by_malloc(size_t n)
{
	void *p = malloc(opaque(n));
	STAY;
	return p;
}

static NOT_INLINE void *by_new(size_t n)
{
	void *p = ::operator new(opaque(n));
	STAY;
	return p;
}

static NOT_INLINE void *by_new_array(size_t n)
{
	void *p = ::operator new[](opaque(n));
	STAY;
	return p;
}

static NOT_INLINE void *by_quiet_new(size_t n)
{
	void *p = ::operator new(opaque(n), std::nothrow);
	STAY;
	return p;
}

static NOT_INLINE void *by_quiet_new_array(size_t n)
{
	void *p = ::operator new[](opaque(n), std::nothrow);
	STAY;
	return p;
}

static NOT_INLINE void to_free(void *p)
{
	KEEP(p);
	free(p);
	STAY;
}

static NOT_INLINE void to_realloc(void *p)
{
	KEEP(p);
	p = realloc(p, opaque(5000));
	KEEP(p);
	free(p);
	STAY;
}

static NOT_INLINE void to_delete(void *p)
{
	KEEP(p);
	::operator delete(p);
	STAY;
}

static NOT_INLINE void to_delete_array(void *p)
{
	KEEP(p);
	::operator delete[](p);
	STAY;
}

static NOT_INLINE void to_sized_delete(void *p, size_t n)
{
	KEEP(p);
	::operator delete(p, opaque(n));
	STAY;
}

static NOT_INLINE void to_sized_delete_array(void *p, size_t n)
{
	KEEP(p);
	::operator delete[](p, opaque(n));
	STAY;
}

static NOT_INLINE void to_aligned_delete(void *p)
{
	KEEP(p);
	::operator delete(p, std::align_val_t(64));
	STAY;
}

static void wrong()
{
	to_free(by_new(1001));
	to_free(by_new_array(1003));
	to_free(by_quiet_new(1005));
	to_realloc(by_new(1007));
	to_realloc(by_quiet_new_array(1009));
	to_delete(by_malloc(1011));
	to_delete(by_new_array(1013));
	to_delete_array(by_malloc(1015));
	to_delete_array(by_new(1017));
	to_delete_array(by_quiet_new(1019));
	to_sized_delete(by_new_array(1021), 1021);
	to_sized_delete_array(by_malloc(1023), 1023);
	for (int i = 0; i < 3; i++)
		to_delete(by_quiet_new_array(1025));
}

static void right(bool is_throwing)
{
	to_free(by_malloc(2001));
	to_realloc(by_malloc(2003));
	to_delete(by_new(2005));
	to_delete(by_quiet_new(2007));
	to_delete_array(by_new_array(2009));
	to_delete_array(by_quiet_new_array(2011));
	to_sized_delete(by_new(2013), 2013);
	to_sized_delete_array(by_new_array(2015), 2015);
	to_aligned_delete(::operator new(opaque(2017), std::align_val_t(64)));
	to_delete(nullptr);
	delete[] new int[opaque(100)];
	delete new int;
	if (!is_throwing)
		return;
	try {
		to_delete_array(by_new_array((size_t)1 << 61));
	} catch (const std::bad_alloc &) {
		to_free(by_malloc(2019));
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "wrong") == 0)
		wrong();
	else
		right(argc < 3);
	return 0;
}
