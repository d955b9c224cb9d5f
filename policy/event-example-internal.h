/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the readers of examples share.
 */
#pragma once

#include "policy/event-example.h"
#include "policy/policy-parse-value.h"

/* Of one map. */
#define EXAMPLE_KEYS_MAX 32

typedef struct ExampleReader {
        PolicyParser parser;
        EventExample *example;
        const YamlNode *structure;      /* read last: its domain may stand behind it */
        const YamlNode *time;           /* the same with its zone */
        WorkloadFact workload;          /* that is being read */
        bool has_domain;
        bool is_out_of_memory;
} ExampleReader;

typedef struct ExampleKey {
        const char *name;
        void (*read)(ExampleReader *reader, const char *key, const YamlNode *value);
} ExampleKey;

/* "?" */
bool example_is_unknown(const YamlNode *value);
/* The same, or "? ENODATA", which sets @ret_error, a positive errno or 0. */
bool example_is_unknown_why(const YamlNode *value, int *ret_error);
/* "ENODATA", or its number. */
int example_errno(const char *text, int *ret_error);
/* One word of a match key, whose words are those of the vocabulary. Reports and returns false if it is none. */
bool example_read_word(ExampleReader *reader, const char *key, const char *path, const YamlNode *value,
                       unsigned *ret_value);
bool example_read_number(ExampleReader *reader, const char *key, const YamlNode *value, int64_t min, int64_t max,
                         int64_t *ret_number);
/* Every key of a map by its own reader. */
void example_read_map(ExampleReader *reader, const YamlNode *map, const char *what, const ExampleKey *keys,
                      size_t n_keys);

/* 117, or [117, postgres]; reports and leaves what was read so far if it is neither. */
void example_read_account(ExampleReader *reader, const char *key, const YamlNode *value, Account *ret_account);

/* event-example-workloads.c */
void example_read_workloads(ExampleReader *reader, const char *key, const YamlNode *value);

/* event-example-facts.c: "fs" and "file". */
void example_read_filesystem(ExampleReader *reader, const char *key, const YamlNode *value);
void example_read_file(ExampleReader *reader, const char *key, const YamlNode *value);
