/* SPDX-License-Identifier: MIT */
/* heaptide verify. Analyzer. */
#include "analyzer/cmd/cmd.h"

int ht_cmd_verify(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return HT_EXIT_FAILED;
}
