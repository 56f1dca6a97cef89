# SPDX-License-Identifier: Apache-2.0
# Each line of a text file becomes a C string.
s/\\/\\\\/g
s/"/\\"/g
s/^/"/
s/$/\\n",/
