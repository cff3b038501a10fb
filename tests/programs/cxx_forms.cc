// SPDX-License-Identifier: MIT
// Every form of new and delete, C++ containers, new_handler, and new that fails.
#include "program.h"

#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <sys/resource.h>
#include <vector>

struct Plain {
	int numbers[10];
};

struct Counted {
	static int n_alive;
	long value = 7;
	Counted() { n_alive++; }
	~Counted() { n_alive--; }
};
int Counted::n_alive;

struct alignas(256) Wide {
	char bytes[512];
};

struct Throws {
	char bytes[100];
	Throws() { throw 1; }
};

static int n_handler_calls;

static void handler()
{
	if (++n_handler_calls == 3)
		std::set_new_handler(nullptr);
}

int main(int argc, char **)
{
	for (int i = 0; i < 100; i++) {
		Plain *p = new Plain;
		KEEP(p);
		delete p;
		Plain *array = new Plain[opaque(5)];
		KEEP(array);
		delete[] array;
		Counted *counted = new Counted[opaque(4)]; // with a cookie
		KEEP(counted);
		CHECK(Counted::n_alive == 4);
		delete[] counted;
		CHECK(Counted::n_alive == 0);
		Plain *nothrow = new (std::nothrow) Plain;
		KEEP(nothrow);
		delete nothrow;
		char *bytes = new (std::nothrow) char[opaque(33)];
		KEEP(bytes);
		delete[] bytes;
		Wide *wide = new Wide;
		KEEP(wide);
		CHECK(reinterpret_cast<uintptr_t>(wide) % 256 == 0);
		delete wide;
		Wide *wides = new Wide[opaque(3)];
		KEEP(wides);
		delete[] wides;
		void *raw = ::operator new(opaque(64));
		KEEP(raw);
		::operator delete(raw, static_cast<size_t>(64));
		void *aligned = ::operator new(opaque(256), std::align_val_t(128));
		KEEP(aligned);
		::operator delete(aligned, std::align_val_t(128));
	}
	int n_caught = 0;
	for (int i = 0; i < 100; i++) {
		try {
			Throws *t = new Throws;
			KEEP(t);
		} catch (int) {
			n_caught++;
		}
	}
	CHECK(n_caught == 100);

	std::map<std::string, std::vector<std::shared_ptr<std::string>>> tree;
	for (int i = 0; i < 200; i++)
		tree["a key that does not fit inside the string " + std::to_string(i % 20)].push_back(
			std::make_shared<std::string>(static_cast<size_t>(i), 'x'));
	CHECK(tree.size() == 20);

	// valgrind cannot throw, so an argument ends it here.
	if (argc > 1)
		return 0;

	// In a limited address space every attempt fails the same way with and without a tracer.
	rlimit old_limit, limit;
	getrlimit(RLIMIT_AS, &old_limit);
	limit = old_limit;
	limit.rlim_cur = size_t(1) << 33;
	setrlimit(RLIMIT_AS, &limit);
	std::set_new_handler(handler);
	int n_bad_alloc = 0;
	try {
		char *p = new char[opaque(size_t(1) << 40)];
		KEEP(p);
	} catch (const std::bad_alloc &) {
		n_bad_alloc++;
	}
	CHECK(n_handler_calls == 3 && n_bad_alloc == 1);
	char *none = new (std::nothrow) char[opaque(size_t(1) << 40)];
	CHECK(!none);
	setrlimit(RLIMIT_AS, &old_limit);
	std::puts("all forms");
	return 0;
}
