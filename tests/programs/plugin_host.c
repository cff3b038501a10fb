/* SPDX-License-Identifier: MIT */
/*
 * plugin_host A.so B.so: loads and unloads two plugins in turn, 200 times each, and says how often
 * the second came to lie where the first had been. Blocks stay allocated: 1001 bytes from A, 1002 from B.
 */
#include "program.h"

#include <dlfcn.h>
#include <link.h>

static ElfW(Addr) call_plugin(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	struct link_map *map;

	if (!handle)
		fprintf(stderr, "%s\n", dlerror());
	CHECK(handle && dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0);

	void *(*run)(void) = (void *(*)(void))dlsym(handle, "plugin_run");

	CHECK(run);

	void *p = run();
	ElfW(Addr) base = map->l_addr;

	KEEP(p);
	CHECK(dlclose(handle) == 0);
	return base;
}

int main(int argc, char **argv)
{
	int n_same = 0;

	CHECK(argc == 3);
	for (int i = 0; i < 200; i++)
		n_same += call_plugin(argv[1]) == call_plugin(argv[2]);
	printf("%s\n", n_same > 150 ? "mostly at one address" : "at different addresses");
	return 0;
}
