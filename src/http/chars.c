/* SPDX-License-Identifier: MIT */
/*
 * The table behind chars.h: one look-up instead of a row of comparisons.
 */
#include "http/chars.h"

/* What goes with what: digits are hex digits, what may stand in a reg-name is a
 * token's as a rule, and so on. */
#define PRINT  (GEV__CH_TEXT | GEV__CH_TARGET)
#define QUOTED (PRINT | GEV__CH_QUOTED)
#define TOKEN  (QUOTED | GEV__CH_TOKEN)
#define NAME   (TOKEN | GEV__CH_HOST)
#define HEXDIG (NAME | GEV__CH_HEX)
#define DIGIT  (HEXDIG | GEV__CH_DIGIT)
#define BLANK  (GEV__CH_TEXT | GEV__CH_QUOTED)
#define DELIM  (QUOTED | GEV__CH_HOST)
#define HASH   (BLANK | GEV__CH_TOKEN)

#define X2(i, x)  [i] = (x), [(i) + 1] = (x)
#define X4(i, x)  X2(i, x), X2((i) + 2, x)
#define X8(i, x)  X4(i, x), X4((i) + 4, x)
#define X16(i, x) X8(i, x), X8((i) + 8, x)
#define X64(i, x)                                                              \
    X16(i, x), X16((i) + 16, x), X16((i) + 32, x), X16((i) + 48, x)

/* clang-format off */
const uint8_t gev__http_chars[256] = {
    ['\t'] = BLANK,
    [' '] = BLANK,  ['!'] = NAME,    ['"'] = PRINT,   ['#'] = HASH,
    ['$'] = NAME,   ['%'] = TOKEN,   ['&'] = NAME,    ['\''] = NAME,
    ['('] = DELIM,  [')'] = DELIM,   ['*'] = NAME,    ['+'] = NAME,
    [','] = QUOTED, ['-'] = NAME,    ['.'] = NAME,    ['/'] = QUOTED,
    X8('0', DIGIT), X2('8', DIGIT),  [':'] = QUOTED,  [';'] = DELIM,
    ['<'] = QUOTED, ['='] = DELIM,   ['>'] = QUOTED,  ['?'] = QUOTED,
    ['@'] = QUOTED, X4('A', HEXDIG), X2('E', HEXDIG),
    X16('G', NAME), X4('W', NAME),
    ['['] = QUOTED, ['\\'] = PRINT,  [']'] = QUOTED,  ['^'] = TOKEN,
    ['_'] = NAME,   ['`'] = TOKEN,   X4('a', HEXDIG), X2('e', HEXDIG),
    X16('g', NAME), X4('w', NAME),
    ['{'] = QUOTED, ['|'] = TOKEN,   ['}'] = QUOTED,  ['~'] = NAME,
    X64(0x80, BLANK), X64(0xC0, BLANK),
};
/* clang-format on */
