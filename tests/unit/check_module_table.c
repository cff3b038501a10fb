/* SPDX-License-Identifier: MIT */
/*
 * Checks of modules coming and going: libraries at one address, one after another. libunwind gives
 * stale stacks there, so the program itself knows who called.
 */
#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include "preload/module_table.h"
#include "run_suite.h"
#include "walk_oracle.h"

#define PLUGIN_A "./.libs/walk_plugin_a.so"
#define PLUGIN_B "./.libs/walk_plugin_b.so"

typedef void walk_callback(void *arg);
typedef void walk_plugin_enter(walk_callback *callback, void *arg);

struct visit {
	uint64_t plugin_pc;  /* where the plugin will continue */
	uint32_t generation; /* of the plugin, in the node */
	struct walk_oracle_stack inside;
};

static uint32_t n_freed_link_maps;

/*
 * The free behind this one: when the test is itself recorded, that is the shim's, which knows its own blocks. Asking for
 * it frees: what comes while it is asked for stays.
 */
static void next_free(void *block)
{
	static void (*_Atomic next)(void *);
	static _Atomic bool is_asking;
	void (*found)(void *) = atomic_load(&next);

	if (!found) {
		if (atomic_exchange(&is_asking, true))
			return;
		found = (void (*)(void *))(uintptr_t)dlsym(RTLD_NEXT, "free");
		atomic_store(&next, found);
	}
	found(block);
}

/* The hook: what live_map does for the shim, the oracle's list of watched blocks does here. */
void free(void *block)
{
	uint64_t addr = (uint64_t)block;

	for (uint32_t i = 0; block != NULL && walk_oracle_watched(i) != 0; i++) {
		if (walk_oracle_watched(i) == addr) {
			n_freed_link_maps++;
			ht_module_table_link_map_freed(addr);
			break;
		}
	}
	next_free(block);
}

static void __attribute__((noinline)) look_inside(void *arg)
{
	struct visit *visit = arg;

	visit->plugin_pc = (uint64_t)__builtin_return_address(0);
	walk_oracle_look(WALK_ORACLE_ONLY_SELF);
	visit->inside = *walk_oracle_last();
	visit->generation = walk_oracle_generation(walk_oracle_parent(walk_oracle_last_node()));
}

/* Open, call through, close. The stack inside must be: look_inside, the plugin, and what is here. */
static void __attribute__((noinline)) visit_plugin(const char *path, struct visit *visit)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	ck_assert_msg(library != NULL, "%s", dlerror());

	walk_plugin_enter *enter = (walk_plugin_enter *)dlsym(library, "walk_plugin_enter");

	ck_assert_ptr_nonnull(enter);
	enter(look_inside, visit);
	enter(look_inside, visit);
	walk_oracle_look(WALK_ORACLE_ONLY_SELF);

	const struct walk_oracle_stack *here = walk_oracle_last();

	ck_assert_uint_eq(visit->inside.truncation, HT_TRUNC_NONE);
	ck_assert_uint_eq(visit->inside.n, here->n + 2);
	ck_assert_uint_eq(visit->inside.pcs[1], visit->plugin_pc);
	for (uint32_t i = 1; i < here->n; i++)
		ck_assert_uint_eq(visit->inside.pcs[i + 2], here->pcs[i]);
	ck_assert_int_eq(dlclose(library), 0);
}

START_TEST(test_see_other_library_at_same_address_gets_own_rules_and_generation)
{
	static struct visit a;
	static struct visit b;
	uint32_t n_freed = n_freed_link_maps;

	walk_oracle_reset(1024);
	visit_plugin(PLUGIN_A, &a);
	ck_assert_uint_eq(n_freed_link_maps, n_freed + 1);
	visit_plugin(PLUGIN_B, &b);
	ck_assert_uint_eq(n_freed_link_maps, n_freed + 2);
	if (a.plugin_pc != b.plugin_pc) {
		fprintf(stderr, "not checked: the libraries were not mapped at one address\n");
		return;
	}
	ck_assert_uint_eq(a.generation, 0);
	ck_assert_uint_eq(b.generation, 1);
	ck_assert_uint_eq(walk_oracle_n_wrong(), 0);
}
END_TEST

START_TEST(test_see_same_build_again_is_announced_once)
{
	static struct visit visit;

	walk_oracle_reset(1024);
	visit_plugin(PLUGIN_A, &visit);

	uint32_t n_modules = walk_oracle_n_modules();
	uint32_t epoch = ht_module_table_epoch();

	for (int i = 0; i < 20; i++)
		visit_plugin(PLUGIN_A, &visit);
	ck_assert_uint_eq(walk_oracle_n_modules(), n_modules);
	ck_assert_uint_eq(ht_module_table_epoch(), epoch + 20);
	ck_assert_uint_eq(visit.generation, 0);
}
END_TEST

START_TEST(test_see_alternating_libraries_keeps_two_generations)
{
	static struct visit visit;

	walk_oracle_reset(1024);
	for (uint32_t i = 0; i < 20; i++) {
		visit_plugin(i % 2 == 0 ? PLUGIN_A : PLUGIN_B, &visit);
		ck_assert_uint_eq(visit.generation, i % 2);
	}
	ck_assert_uint_eq(walk_oracle_n_wrong(), 0);
}
END_TEST

START_TEST(test_see_announces_absolute_path_and_build_id)
{
	static struct visit visit;
	uint32_t n_found = 0;

	walk_oracle_reset(1024);
	ht_module_table_set_exe_path("/the/program");
	visit_plugin(PLUGIN_A, &visit);
	for (uint32_t i = 0; i < walk_oracle_n_modules(); i++) {
		const char *path = walk_oracle_module_path(i);

		ck_assert_msg(path[0] == '/' || strchr(path, '/') == NULL, "%s", path);
		ck_assert_msg(walk_oracle_module(i)->build_id_bytes != 0, "%s", path);
		ck_assert_uint_lt(walk_oracle_module(i)->map_start_addr,
		                  walk_oracle_module(i)->map_end_addr);
		if (strcmp(path, "/the/program") == 0 || strstr(path, "/walk_plugin_a.so") != NULL)
			n_found++;
	}
	ck_assert_uint_eq(n_found, 2);
}
END_TEST

static bool is_announced(const char *name)
{
	for (uint32_t i = 0; i < walk_oracle_n_modules(); i++)
		if (strstr(walk_oracle_module_path(i), name) != NULL)
			return true;
	return false;
}

static void __attribute__((noinline)) look_only(void *arg)
{
	(void)arg;
	walk_oracle_look(WALK_ORACLE_ONLY_SELF);
}

START_TEST(test_announce_lost_offers_what_was_not_taken)
{
	static struct visit visit;

	walk_oracle_reset(1024);
	walk_oracle_refuse_modules(true);
	visit_plugin(PLUGIN_B, &visit);

	void *library = dlopen(PLUGIN_A, RTLD_NOW | RTLD_LOCAL);

	ck_assert_msg(library != NULL, "%s", dlerror());
	((walk_plugin_enter *)dlsym(library, "walk_plugin_enter"))(look_only, NULL);
	ck_assert_uint_eq(walk_oracle_n_modules(), 0);
	ck_assert(ht_module_table_has_lost());
	walk_oracle_announce_lost_modules();
	ck_assert(ht_module_table_has_lost());
	walk_oracle_refuse_modules(false);
	walk_oracle_announce_lost_modules();
	ck_assert(!ht_module_table_has_lost());
	ck_assert(is_announced("/walk_plugin_a.so"));
	ck_assert(!is_announced("/walk_plugin_b.so")); /* gone, and its name with it */

	uint32_t n_modules = walk_oracle_n_modules();

	walk_oracle_announce_lost_modules();
	walk_oracle_look(WALK_ORACLE_ONLY_SELF);
	ck_assert_uint_eq(walk_oracle_n_modules(), n_modules);
	dlclose(library);
}
END_TEST

START_TEST(test_locate_no_code_finds_nothing)
{
	struct ht_module_location location;
	char stack_byte;

	ck_assert(!ht_module_table_locate((uint64_t)&stack_byte, &location));
	ck_assert(!ht_module_table_locate(0, &location));
	ck_assert(ht_module_table_locate((uint64_t)&ht_module_table_locate, &location));
	ck_assert_uint_ne(location.eh_frame_hdr_addr, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("module_table");
	TCase *core = tcase_create("core");

	tcase_add_test(core, test_see_other_library_at_same_address_gets_own_rules_and_generation);
	tcase_add_test(core, test_see_same_build_again_is_announced_once);
	tcase_add_test(core, test_see_alternating_libraries_keeps_two_generations);
	tcase_add_test(core, test_see_announces_absolute_path_and_build_id);
	tcase_add_test(core, test_announce_lost_offers_what_was_not_taken);
	tcase_add_test(core, test_locate_no_code_finds_nothing);
	suite_add_tcase(suite, core);
	return ht_run_suite(suite);
}
