/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real XFS on a loop device for the tests that ask the running kernel. Include <cmocka.h> and what it needs first.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/basic/macro.h"
#include "src/model/filesystem-facts.h"

/* What a test program ends with if it could not test anything. */
#define LIVE_SKIPPED 77

#define LIVE_UUID "5ca1ab1e-0000-4000-8000-00000000c0de"
#define LIVE_LABEL "live test"

/* A fresh file system for each test. */
typedef struct Fixture {
        char folder[64], image[96], mount_point[96];
        bool is_mounted;
        dev_t device_number;
        int root_fd;
        FilesystemFacts facts;          /* as probed right after it was made */
} Fixture;

/* cmocka's fixtures: the file system is made, mounted and probed; whatever is left of it goes away. */
int live_setup(void **state);
int live_teardown(void **state);

void live_attach(Fixture *fixture);
void live_detach(Fixture *fixture);

/* Runs a shell command. Returns its exit status, -1 if a signal ended it. */
int live_run(const char *format, ...) _printf_(1, 2);

/* Makes an empty file. Returns the number of its inode. */
uint64_t live_make_file(const Fixture *fixture, const char *name);

/* Says why and skips the test. */
void live_skip(const char *reason) __attribute__((__noreturn__));

/* False, with the reason said, if nothing can be tested on this machine. */
bool live_is_possible(void);

/* The exit status of a program of @n_tests tests: @result, or LIVE_SKIPPED if all of them were skipped. */
int live_exit_status(int result, unsigned n_tests);
