/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What keeps a chosen action from being carried out: protection, the autofsck property, removable
 * disks, events that name nothing to act on. Used by the chooser alone.
 */
#pragma once

#include "policy/policy-choose.h"
#include "policy/policy-rules.h"

/* Which protection denies an action: asked for once, when the first action that could be denied comes up. */
typedef struct Protection {
        bool is_evaluated;
        const ProtectSource *by[N_ACTION_KINDS];        /* NULL: not denied; borrowed from the policy */
} Protection;

/* NULL if nothing protects; @protection starts zeroed and belongs to one @context. */
const ProtectSource *protection_find(Protection *protection, const Policy *policy, MatchContext *context,
                                     ActionKind kind);

/* "autofsck: check", "autofsck: unset", "autofsck: unknown". Returns @buffer. */
#define AUTOFSCK_TEXT_SIZE 64
char *autofsck_text(const FilesystemFacts *filesystem, char buffer[static AUTOFSCK_TEXT_SIZE]);

/**
 * bound_request() - hold one action against everything that may forbid it
 * @rule:           who wants it; NULL for the baseline, which never asks for more than the property allows
 * @request:        gets denied_by, or scrub_repair lowered to what is allowed
 * @ret_is_lowered: true if something was lowered
 */
void bound_request(const Policy *policy, const PolicyRule *rule, MatchContext *context, Protection *protection,
                   ActionRequest *request, bool *ret_is_lowered);
