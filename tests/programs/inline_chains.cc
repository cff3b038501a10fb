// SPDX-License-Identifier: MIT
// Calls through inlined functions, templates, lambdas, namespaces and constructors, for the symbolizer.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace zoo {

template <typename T> struct Cage {
	explicit Cage(T v) : animal(std::make_unique<T>(std::move(v))) {}
	T &look() const { return *animal; }
	std::unique_ptr<T> animal;
};

static inline __attribute__((always_inline)) void *innermost(size_t n)
{
	return malloc(n);
}

static inline __attribute__((always_inline)) void *middle(size_t n)
{
	return innermost(n + 1);
}

__attribute__((noinline)) void *outermost(size_t n)
{
	void *p = middle(n);
	void *q = middle(2 * n);

	free(p);
	return q;
}

namespace {
__attribute__((noinline)) size_t hidden(const std::vector<std::string> &names)
{
	std::map<std::string, size_t> lengths;

	for (const auto &name : names)
		lengths[name + name] += name.size();
	return lengths.size();
}
} // namespace

} // namespace zoo

int main(int argc, char **argv)
{
	std::vector<std::string> names(argv, argv + argc);
	auto add = [&](int i) {
		names.push_back("a long enough name to be on the heap, number " + std::to_string(i));
	};

	for (int i = 0; i < 5; i++)
		add(i);
	std::sort(names.begin(), names.end(), [](auto &a, auto &b) { return b < a; });
	zoo::Cage<std::string> cage(names.front());
	void *p = zoo::outermost(10);

	printf("%zu %zu\n", zoo::hidden(names), cage.look().size());
	free(p);
	return 0;
}
