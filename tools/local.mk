# SPDX-License-Identifier: MIT
EXTRA_DIST += %D%/common.sh %D%/run %D%/test
