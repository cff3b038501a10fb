/* SPDX-License-Identifier: MIT */
/*
 * Libraries that were opened so that they find another malloc than the recorded one: with RTLD_DEEPBIND, or in a
 * namespace of their own. None of their calls comes here, so they are looked for when the program ends. Target.
 */
#ifndef HT_BINDING_SCAN_H
#define HT_BINDING_SCAN_H

/* Remember what is loaded at the start, which the loader has bound as it should be. [constructor] */
void ht_binding_scan_setup(void);

/*
 * This is the child of a fork by one of several threads. One of the others may have had the loader's lock, and nobody will
 * ever give it back: so nothing is looked for here. [child, no other thread]
 */
void ht_binding_scan_forget_lock(void);

#endif
