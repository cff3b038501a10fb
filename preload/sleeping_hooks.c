/* SPDX-License-Identifier: MIT */
/* Makes dynamic symbols of ours visible, and rebinds references. Target, once, may not allocate. */
#include "sleeping_hooks.h"

#include "dynamic_tables.h"
#include "sys_prim.h"

#include <link.h>
#include <stdbool.h>
#include <sys/auxv.h>

/* A version index that every reference matches (the gABI's VER_NDX_GLOBAL). */
#define VERSION_GLOBAL 1u

extern const ElfW(Dyn) own_dynamic[] __asm__("_DYNAMIC") __attribute__((visibility("hidden")));
extern const ElfW(Ehdr) own_header __asm__("__ehdr_start") __attribute__((visibility("hidden")));

/* The index of a symbol that we define, or 0. */
static uint32_t own_symbol(const struct ht_dynamic_tables *t, const char *name)
{
	const uint32_t n_buckets = t->gnu_hash[0], first = t->gnu_hash[1], n_words = t->gnu_hash[2];
	const uint32_t *buckets = t->gnu_hash + 4 + n_words * (sizeof(ElfW(Addr)) / 4);
	const uint32_t *chains = buckets + n_buckets;
	uint32_t hash = 5381;

	for (const char *c = name; *c; c++)
		hash = hash * 33 + (unsigned char)*c;

	uint32_t i = buckets[hash % n_buckets];

	if (i < first)
		return 0;
	for (;; i++) {
		if ((chains[i - first] | 1) == (hash | 1) &&
		    ht_dynamic_is_same_text(t->strings + t->symbols[i].st_name, name))
			return i;
		if (chains[i - first] & 1)
			return 0;
	}
}

static uintptr_t page_of(uintptr_t addr)
{
	return addr & -getauxval(AT_PAGESZ);
}

static bool protect(uintptr_t from, uintptr_t to, int how)
{
	from = page_of(from);
	to = page_of(to - 1) + getauxval(AT_PAGESZ);
	return !ht_sys_is_error(ht_sys6(SYS_mprotect, (long)from, (long)(to - from), how, 0, 0, 0));
}

static bool make_visible(const struct ht_sleeping_hook *hooks, size_t n_hooks)
{
	struct ht_dynamic_tables t = ht_dynamic_tables_read(own_dynamic, (uintptr_t)&own_header);

	if (!t.symbols || !t.strings || !t.gnu_hash || !t.versions)
		return false;
	for (size_t i = 0; i < n_hooks; i++) {
		uint32_t symbol = own_symbol(&t, hooks[i].name);
		uintptr_t at = (uintptr_t)&t.versions[symbol];

		if (!symbol || !protect(at, at + sizeof(t.versions[0]), PROT_READ | PROT_WRITE))
			return false;
		atomic_store(&t.versions[symbol], VERSION_GLOBAL);
		protect(at, at + sizeof(t.versions[0]), PROT_READ);
	}
	return true;
}

struct rebinding {
	const struct ht_sleeping_hook *hooks;
	size_t n_hooks;
};

/* Of a module: how a reference at addr may be written. */
enum place {
	PLACE_CONSTANT, /* not at all */
	PLACE_WRITABLE,
	PLACE_SEALED, /* by the loader, after relocation */
};

static enum place place_of(const struct dl_phdr_info *module, uintptr_t addr)
{
	enum place place = PLACE_CONSTANT;

	for (int i = 0; i < module->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &module->dlpi_phdr[i];

		uintptr_t start = module->dlpi_addr + p->p_vaddr;

		if (addr - start >= p->p_memsz)
			continue;
		/* A last page that is not full stays writable. */
		if (p->p_type == PT_GNU_RELRO && addr < page_of(start + p->p_memsz))
			return PLACE_SEALED;
		if (p->p_type == PT_LOAD && p->p_flags & PF_W)
			place = PLACE_WRITABLE;
	}
	return place;
}

static void rebind(const struct dl_phdr_info *module, uintptr_t at, uintptr_t hook_addr)
{
	enum place place = place_of(module, at);
	uintptr_t end = at + sizeof(uintptr_t);

	if (place == PLACE_CONSTANT ||
	    (place == PLACE_SEALED && !protect(at, end, PROT_READ | PROT_WRITE)))
		return;
	atomic_store_explicit((_Atomic(uintptr_t) *)at, hook_addr, memory_order_release);
	if (place == PLACE_SEALED)
		protect(at, end, PROT_READ);
}

/*
 * A reference that is bound holds the address of the next definition. One that is not (lazy calls) holds something
 * else, and will be bound to what the loader finds then: us.
 */
static int rebind_module(struct dl_phdr_info *module, size_t size, void *context)
{
	const struct rebinding *r = context;
	const ElfW(Dyn) *dynamic = NULL;

	(void)size;
	for (int i = 0; i < module->dlpi_phnum; i++) {
		if (module->dlpi_phdr[i].p_type == PT_DYNAMIC)
			dynamic = (const ElfW(Dyn) *)(module->dlpi_addr +
			                              module->dlpi_phdr[i].p_vaddr);
	}
	if (!dynamic || dynamic == own_dynamic)
		return 0;

	struct ht_dynamic_tables t = ht_dynamic_tables_read(dynamic, module->dlpi_addr);

	for (int kind = 0; kind < 2; kind++) {
		for (size_t i = 0; i < t.n_relocations[kind]; i++) {
			const ElfW(Rela) *rela = &t.relocations[kind][i];
			uint32_t type = ELF64_R_TYPE(rela->r_info);
			uintptr_t at = module->dlpi_addr + rela->r_offset;

			if ((type != HT_R_GLOB_DAT && type != HT_R_JUMP_SLOT && type != HT_R_ADDRESS) ||
			    ELF64_R_SYM(rela->r_info) == 0 || at % sizeof(uintptr_t) != 0)
				continue;

			uintptr_t bound = atomic_load_explicit((_Atomic(uintptr_t) *)at,
			                                       memory_order_relaxed);

			for (size_t k = 0; k < r->n_hooks; k++) {
				if (bound == r->hooks[k].real_addr)
					rebind(module, at, r->hooks[k].hook_addr);
			}
		}
	}
	return 0;
}

void ht_sleeping_hooks_wake(const struct ht_sleeping_hook *hooks, size_t n_hooks)
{
	struct rebinding r = { hooks, n_hooks };

	if (n_hooks && make_visible(hooks, n_hooks))
		dl_iterate_phdr(rebind_module, &r);
}
