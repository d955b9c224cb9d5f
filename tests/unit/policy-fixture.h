/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One event on one file system for tests of policy/: an XFS on a fixed disk at /srv with autofsck=repair, whose
 * free-inode b-tree in group 3 is sick. Tests change what they are about.
 */
#pragma once

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy-load.h"

typedef struct Fixture {
        HealthEvent event;
        FilesystemFacts filesystem;
        char *mounts[3];
        EventFacts facts;
} Fixture;

static inline void fixture_init(Fixture *fixture) {
        *fixture = (Fixture) {
                .event = {
                        .id = 7,
                        .filesystem_id = 1,
                        .kind = EVENT_SICK,
                        .domain = DOMAIN_AG,
                        .structure = STRUCTURE_AG_FINOBT,
                        .group = 3,
                        .count = 1,
                },
                .filesystem = {
                        .type = (char *) "xfs",
                        .device = (char *) "/dev/sda1",
                        .uuid_state = FACT_KNOWN,
                        .uuid = { 0x3f, 0x25, 0x04, 0xe0, 0x4f, 0x89, 0x11, 0xd3,
                                  0x9a, 0x0c, 0x03, 0x05, 0xe8, 0x2c, 0x33, 0x01 },
                        .label_state = FACT_ABSENT,
                        .n_mounts = 1,
                        .autofsck_state = FACT_KNOWN,
                        .autofsck = AUTOFSCK_REPAIR,
                },
                .mounts = { (char *) "/srv" },
        };
        fixture->filesystem.mounts = fixture->mounts;
        fixture->facts = (EventFacts) { .event = &fixture->event, .filesystem = &fixture->filesystem };
}

/* Loads a text that has to be right; shows what is wrong with it otherwise, and returns NULL. */
static inline Policy *fixture_load(const char *text) {
        PolicyProblems problems = {};
        Policy *policy = NULL;

        if (policy_load_text("test.yaml", text, strlen(text), 1, &problems, &policy) < 0)
                policy_problems_print(&problems, stderr);
        policy_problems_clear(&problems);
        return policy;
}
