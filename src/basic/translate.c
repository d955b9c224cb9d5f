/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "src/basic/translate.h"

#include <locale.h>

void translate_begin(void) {
        (void) setlocale(LC_ALL, "");
#ifdef ENABLE_NLS
        /* Without a catalogue texts are what they are in the sources. */
        (void) bindtextdomain(TRANSLATE_DOMAIN, HEALER_LOCALEDIR);
        (void) textdomain(TRANSLATE_DOMAIN);
#endif
}
