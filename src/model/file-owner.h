/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose file it is: numbers, as the file system has them, and the names that this machine has for them.
 */
#pragma once

#include <stdint.h>

#include "src/model/filesystem-facts.h"

/* As long as Linux lets a login name be, and the byte behind it. */
#define ACCOUNT_NAME_SIZE 257

/* A user or a group. */
typedef struct Account {
        FactState state;                /* of the number; absent: the event names no file */
        uint32_t number;
        FactState name_state;           /* absent: nobody here has this number */
        char name[ACCOUNT_NAME_SIZE];
} Account;

typedef struct FileOwner {
        int error;                      /* positive errno or 0, where user and group are not known */
        Account user, group;
        FactState project_state;
        int project_error;
        uint32_t project;               /* 0: none was given */
} FileOwner;
