/* SPDX-License-Identifier: MIT */
/* Placeholders that give way to the real commands when those are linked. Analyzer. */
#include "analyzer/cmd/cmd.h"

__attribute__((weak)) int ht_cmd_record(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	ht_cmd_complain("this build cannot record");
	return 125;
}

__attribute__((weak)) int ht_cmd_serve(int argc, char **argv)
{
	return ht_cmd_record(argc, argv);
}
