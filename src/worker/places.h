/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which superblocks stand under places that matter to us: the root file system with its overlay layers,
 * /usr, and our own state folder. May block: for child processes only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "src/model/filesystem-facts.h"

#define PLACES_ROOTS_MAX 64

typedef struct Places {
        bool are_roots_known;           /* all of them: what is not among them is no root */
        bool is_state_known;
        size_t n_roots;
        dev_t roots[PLACES_ROOTS_MAX];
        dev_t state;
} Places;

/* Fills in the roots; touches nothing but overlay layers. Returns 0 or a negative errno. */
int places_find_roots(Places *places);
/* Fills in the state folder's superblock; walks its path. Returns 0 or a negative errno. */
int places_find_state(Places *places, const char *state_dir);

/* Pure parts, on the text of mountinfo. */
int places_parse_roots(const char *mountinfo, Places *places,
                       int (*find_device)(const char *path, dev_t *ret_device));
int places_parse_state(const char *mountinfo, const char *path, Places *places);

Tristate places_is_root(const Places *places, dev_t device_number);
Tristate places_is_state(const Places *places, dev_t device_number);
