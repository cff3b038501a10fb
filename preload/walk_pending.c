/* SPDX-License-Identifier: MIT */
/* Replaced by stack_walk.c and module_table.c as soon as they land. */
#include "stack_walk.h"
#include "module_table.h"
#include <heaptide/shared_region.h>
_Atomic uint32_t ht_module_epoch=1;
bool ht_stack_walk_is_supported(void){return true;}
void ht_stack_walk_init(struct ht_stack_walk*w,uint32_t m){w->max_frames=m;}
void ht_stack_walk_invalidate(struct ht_stack_walk*w){(void)w;}
uint32_t ht_stack_walk_capture(struct ht_stack_walk *w, const struct ht_walk_sink *sink,uint64_t pc, uint64_t sp, uint64_t fp){(void)sp;(void)fp;(void)w;return sink->intern(sink->ctx,0,pc,0);}
uint32_t ht_stack_walk_capture_by(struct ht_stack_walk *w, const struct ht_walk_sink *sink,const struct ht_unwind_backend_api *backend, uint64_t sp){(void)w;(void)sink;(void)backend;(void)sp;return 1;}
bool ht_stack_walk_verify(const struct ht_stack_walk *w, const struct ht_unwind_backend_api *backend,uint64_t sp, uint32_t log_level){(void)w;(void)backend;(void)sp;(void)log_level;return true;}
void ht_module_table_set_exe_path(const char *p){(void)p;}
void ht_module_table_link_map_freed(uint64_t a){(void)a;}
