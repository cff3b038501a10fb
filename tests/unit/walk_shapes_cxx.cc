/* SPDX-License-Identifier: MIT */
/* Frames around C++ exceptions. Tests only. */
#include "walk_shapes.h"

namespace {

struct looker {
	walk_plan *plan;
	/* Runs while the exception passes: below it are frames of the C++ runtime's unwinder. */
	~looker() { walk_plan_go_on(plan); }
};

__attribute__((noinline)) void thrower(walk_plan *plan, int depth)
{
	looker here = { plan };

	if (depth == 0)
		throw plan;
	thrower(plan, depth - 1);
}

} // namespace

extern "C" void walk_shape_exception(walk_plan *plan)
{
	try {
		throw 1;
	} catch (int) {
		walk_plan_go_on(plan);
	}
	__asm__ volatile("");
}

extern "C" void walk_shape_unwinding(walk_plan *plan)
{
	try {
		thrower(plan, static_cast<int>(walk_plan_random(plan, 3)));
	} catch (walk_plan *caught) {
		walk_plan_go_on(caught);
	}
	__asm__ volatile("");
}
