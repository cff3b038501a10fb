// SPDX-License-Identifier: MIT
// Allocations by thread_local destructors, static destructors, atexit handlers: the last of a thread and a process.
#include "program.h"

#include <memory>
#include <string>
#include <thread>

struct Late {
	std::string text = "a text that is too long for the small buffer";
	~Late()
	{
		std::string copy = text + text;
		const char *bytes = copy.data();
		KEEP(bytes);
	}
};

static thread_local Late per_thread;
static Late per_process;

static void at_exit_handler()
{
	char *p = new char[opaque(1234)];
	KEEP(p); // never freed
}

int main()
{
	std::atexit(at_exit_handler);
	for (int i = 0; i < 50; i++)
		std::thread([] { CHECK(!per_thread.text.empty()); }).join();
	CHECK(!per_thread.text.empty() && !per_process.text.empty());
	std::puts("late");
	return 0;
}
