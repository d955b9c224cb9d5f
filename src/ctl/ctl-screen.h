/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What standard output goes to: how wide it is, and whether colours are of use there. Asked once, before a pager comes
 * in between.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef enum CtlColor {
        CTL_COLOR_NONE,
        CTL_COLOR_HEADING,
        CTL_COLOR_GOOD,
        CTL_COLOR_WARNING,
        CTL_COLOR_BAD,
} CtlColor;

/* @is_full: nothing is shortened. $SYSTEMD_COLORS says yes or no to colours; else there are none where $NO_COLOR is
 * set, or where it is no terminal. */
void ctl_screen_init(bool is_full);
bool ctl_screen_is_terminal(void);
/* Places in a line; 0: no limit. Only standard output has one. */
size_t ctl_screen_width(FILE *stream);
/* What begins a colour, or ends all (CTL_COLOR_NONE); "" without colours. */
const char *ctl_screen_color(CtlColor color, FILE *stream);
/* What stands for what was left out. */
const char *ctl_screen_ellipsis(void);
