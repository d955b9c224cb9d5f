/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A condition as it is kept beyond the life of healerd: under which key, and as which text. Words instead of numbers of
 * enums, because words are never renamed.
 *
 * A file system without a UUID has no key, and its conditions end with its mount or with healerd: the name of its
 * device may be that of another disk tomorrow, and a condition of the wrong disk is worse than none.
 */
#pragma once

#include "src/filesystem/condition.h"
#include "src/model/filesystem-facts.h"

/* The first component of the keys. */
#define CONDITION_KEY_PREFIX "condition/"
#define CONDITION_KEY_SIZE 256
#define CONDITION_VALUE_SIZE 4096

/* "condition/UUID/CODE/TARGET" */
char *condition_key(const uint8_t uuid[static UUID_SIZE], ConditionCode code, const char *target,
                    char buffer[static CONDITION_KEY_SIZE]);

/* "1 SEVERITY SINCE EVENT open\nMESSAGE", or "stale"; not terminated, and a message that is too long is cut. Returns
 * its size. */
size_t condition_value(const HealthCondition *condition, char buffer[static CONDITION_VALUE_SIZE]);

/**
 * condition_read() - the way back
 * @ret_condition: its message is new, free()
 *
 * Pure; fuzzed. Returns: 0; -EPROTONOSUPPORT for a value of another version; -EBADMSG for anything else that
 * condition_key() and condition_value() do not make; -ENOMEM.
 */
int condition_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
                   HealthCondition *ret_condition);
