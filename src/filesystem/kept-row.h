/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept of a file system from one healerd to the next is one line of numbers under "KIND/UUID": the first is the
 * version of the line. Read like foreign bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "src/model/filesystem-facts.h"

#define KEPT_KEY_SIZE 64
#define KEPT_LINE_SIZE 1024

/* @prefix: "patrol/". Returns @buffer. */
char *kept_key(const char *prefix, const uint8_t uuid[static UUID_SIZE], char buffer[static KEPT_KEY_SIZE]);

typedef struct KeptReader {
        char line[KEPT_LINE_SIZE];
        char *rest;                     /* of it; NULL: nothing is left */
} KeptReader;

/**
 * kept_read_begin() - a row, up to its version
 * @value: not terminated
 *
 * Returns: 0; -EPROTONOSUPPORT for another version; -EBADMSG for anything else.
 */
int kept_read_begin(KeptReader *reader, const char *prefix, uint64_t version, const char *key, const void *value,
                    size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE]);
/* The next words of the line. Return 0 or -EBADMSG. */
int kept_read_number(KeptReader *reader, uint64_t max, uint64_t *ret_number);
int kept_read_numbers(KeptReader *reader, void *object, const size_t *offsets, size_t n);
/* Borrowed from the reader; NULL: there is none. */
const char *kept_read_word(KeptReader *reader);

/* Each number with a blank before it; what does not fit is a mistake of the caller's. @offsets are of uint64_t in
 * @object. */
void kept_append_number(char line[static KEPT_LINE_SIZE], uint64_t number);
void kept_append_numbers(char line[static KEPT_LINE_SIZE], const void *object, const size_t *offsets, size_t n);
