/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests on text that somebody else may have named (labels, paths): exact, glob, below a folder, regular expression.
 * Every test has limits, and hitting one is an answer of its own. The only file that knows PCRE2.
 *
 * exact: the same bytes.
 * glob:  "*" is any run of bytes but "/", "**" any run of bytes; everything else stands for itself; the whole
 *        text must match.
 * under: the folder itself and everything below it.
 * regex: PCRE2 on bytes, anchored at both ends, "." matches any byte, interpreted and never compiled to machine
 *        code, so that limits and verdicts are the same on every machine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "src/basic/cleanup.h"
#include "src/model/decision.h"

typedef enum PatternKind {
        PATTERN_EXACT,
        PATTERN_GLOB,
        PATTERN_UNDER,
        PATTERN_REGEX,
} PatternKind;

#define PATTERN_TEXT_MAX 1024           /* bytes of the pattern itself */
#define PATTERN_SUBJECT_MAX 4096        /* longer text is not looked at: unknown */
#define PATTERN_MESSAGE_SIZE 256

typedef struct Pattern Pattern;

/**
 * pattern_new() - check and prepare a pattern
 * @text:           copied
 * @ret_pattern:    new; pattern_free(). Holds its own working memory: not for two threads at once.
 * @reterr_message: what is wrong with it
 *
 * Returns: 0; -EINVAL if it is not a valid pattern (then @reterr_message is set); -ENOMEM.
 */
int pattern_new(PatternKind kind, const char *text, Pattern **ret_pattern,
                char reterr_message[static PATTERN_MESSAGE_SIZE]);
Pattern *pattern_free(Pattern *pattern);
DEFINE_CLEANUP(Pattern, pattern_free)

/* VERDICT_UNKNOWN if a limit was hit. */
Verdict pattern_match(const Pattern *pattern, const char *subject);

PatternKind pattern_kind(const Pattern *pattern);
const char *pattern_text(const Pattern *pattern);
/* True if a plain text shall be read as a glob, that is if it has a "*" in it. */
bool pattern_text_is_glob(const char *text);
