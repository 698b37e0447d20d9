exec 2>&1
printf 'alpha 10 x\nbeta 20 y\ngamma 5 x\n\ndelta 40 z\n' > f
printf 'root:x:0:0:root:/root:/bin/sh\nbin:x:2:2:bin:/bin:/bin/false\nnobody:x:65534:65534::/home:/bin/false\n' > p
awk '{print $1}' f; awk '{print $2, $NF, NF, NR}' f; awk 'NF' f; awk 'NR==2' f; awk 'END{print NR}' f
awk '$2 > 9' f; awk '$2 > 9 {print $1} $3 == "x" {n++} END {print n}' f; awk '/a$/,/^$/' f; awk '!/a/' f; awk '$1 ~ /^[ab]/' f; awk '$1 !~ "m+"' f
awk -F: '{print $1 "=" $3}' p; awk -F : -v OFS=- '{$1=$1; print}' p; awk 'BEGIN{FS=":"; OFS="|"} {print $1,$NF}' p; awk -F'[:/]' '{print $2, NF}' p; awk -F: '$3 >= 2 && $3 < 100' p
awk '{s += $2} END {print s, s/NR, int(s/NR)}' f; awk '{s += $2} END {printf "%d %5.2f|%-8s|%05d|%x\n", s, s/3, "ab", 42, 255}' f
awk 'BEGIN {x = 5; print x++ + ++x, x, x--, --x, -x, !x, x % 3, x == 5 ? "y" : "n"}'
awk 'BEGIN {print 1 + 2 " " 3 * 4; print "a" "b" 1 + 1; print 1 == 1.0, "10" < "9", 10 < 9, "abc" < "abd"; print 1e3, 0.1 + 0.2, 1 / 4, 100000 * 100000, 1e20}'
awk '{print ($2 < 9), ($2 == "10"), $2 "" < 9}' f
awk 'BEGIN {while (i < 3) {i++; if (i == 2) continue; print i}; do print "d" i--; while (i > 1); for (k = 0; k < 3; k++) {if (k == 2) break; print k}; for (;;) break}'
awk '{c[$3]++} END {for (k in c) print k, c[k]}' f | sort; awk 'BEGIN {a[1]; a["x"] = 2; print (1 in a), (2 in a), length(a); delete a[1]; print (1 in a); delete a; print length(a)}'
awk 'BEGIN {a[1,2] = 3; for (k in a) {split(k, q, SUBSEP); print q[1], q[2], a[k]}; print ((1,2) in a), ((2,1) in a)}'
awk 'BEGIN {n = split("a:b:c", t, ":"); print n, t[1], t[3]; n = split("  a  b ", t); print n, t[1]; n = split("a1b22c", t, /[0-9]+/); print n, t[2], t[3]; n = split("", t); print n; n = split("abc", t, ""); print n, t[2]}'
awk 'BEGIN {print length("hello"), length(), substr("hello", 2, 3), substr("hello", 4), substr("hello", 0, 2), substr("hello", -1, 3) "|", substr("hello", 9) "|"; print index("hello", "ll"), index("hello", "z"), toupper("aBc"), tolower("AbC")}'
awk 'BEGIN {s = "banana"; n = gsub(/an/, "[&]", s); print n, s; s = "aaa"; print sub(/a/, "b", s), s; s = "a.b.c"; gsub(/\./, "\\&", s); print s; s = "hello"; gsub("l", "L", s); print s; s = "abc"; gsub(/x*/, "-", s); print s}'
awk '{gsub(/a/, "A"); print}' f; awk 'NF {sub(/[0-9]+/, "<&>", $2); print}' f; awk '{n += gsub(/[aeiou]/, "")} END {print n}' f
awk 'BEGIN {print match("foobar", /o+/), RSTART, RLENGTH; print match("x", /y/), RSTART, RLENGTH; if (match("key=value", /=.*/)) print substr("key=value", RSTART + 1)}'
awk 'function f(a, b) {return a + b} function fact(n) {return n <= 1 ? 1 : n * fact(n - 1)} BEGIN {print f(1, 2), fact(10)}'
awk 'function fill(arr, n,   i) {for (i = 1; i <= n; i++) arr[i] = i * i} BEGIN {fill(sq, 3); print sq[1], sq[2], sq[3], length(sq)}
function unused(x) {
  return
}'
awk 'function g(x) {x = 5} BEGIN {y = 1; g(y); print y}'
awk '{$2 = ""; print; print NF}' f; awk '{$5 = "new"; print; print NF}' f; awk '{NF = 2; print}' f; awk '{$0 = "p q"; print $2, NF}' f; awk '{$3 = toupper($3)} 1' f
awk 'BEGIN {printf "%s %d%%\n", "x", 50; printf("%c%c%c\n", 65, "hello", 66); printf "%e %g %G %f\n", 12345.678, 0.0001, 1e10, 3; printf "%5s|%-5s|%.2s|%+d|% d\n", "a", "b", "xyz", 3, 4; printf "%o %X %u %i\n", 8, 255, 7, 3.9; printf "no newline"; printf "\n"}'
awk 'BEGIN {print "to stderr" > "/dev/stderr"; print "out" > "o1"; print "more" >> "o1"; close("o1"); while ((getline line < "o1") > 0) print "got", line; print (getline line < "none")}'
awk 'BEGIN {"echo hi; echo there" | getline x; print x; "echo hi; echo there" | getline x; print x; while (("seq 3" | getline y) > 0) s += y; print s; close("seq 3")}'
awk '{print $1 | "sort -r"} END {close("sort -r"); print "done"}' f; awk 'BEGIN {print system("echo sys; exit 3"); print "x" | "cat"; close("cat")}'
awk 'NR == 1 {getline; print "after", $1} NR == 3 {getline z; print "z", z, NR}' f
awk 'BEGIN {RS = ""} {print NR ": " $1 " " NF}' f; printf 'a,b;c,d' | awk 'BEGIN {RS = ";"; FS = ","} {print $2, NR}'; printf 'a1b22c\n' | awk 'BEGIN {RS = "[0-9]+"} {print $0}'
awk -v n=3 -v 's=a\tb' 'BEGIN {print n + 1, s}'; awk '{print v, $1}' v=1 f v=2 p | head -7; awk 'FNR == 1 {print FILENAME, NR}' f p; awk 'BEGIN {print ARGC, ARGV[1], ARGV[2]}' one two
E=val awk 'BEGIN {print ENVIRON["E"]}'; awk 'BEGIN {exit 3} END {print "end"}'; echo $?; awk 'NR == 2 {exit} {print} END {print "e"}' f; awk 'NR > 2 {exit 1}' f; echo $?
awk 'NR % 2 == 0 {next} {print}' f; awk 'FNR == 2 {nextfile} {print FILENAME, $1}' f p
printf '%s\n' 'BEGIN { print "from file" }' '# comment' '{ n++ }' 'END { print n }' > prog; awk -f prog f
awk 'BEGIN {if (!("x" in a)) print "no"; if (1) print "one"; else print "two"; if (0) ; else print "three"
if (0)
  print "a"
else if (1)
  print "b"
}'
awk 'BEGIN { a = "x"; b = a++; print a, b; $3 = "c"; print NF, $0; print length }'
awk 'BEGIN { x["a"] = 1; y = "a" in x; print y; print !("b" in x); print -1 " " -1; print 2 -1, 3 * -2, 7 % 4 }'
awk '/alpha/ {print "1"} ; /beta/ {print "2"}' f; awk 'END {print $0, NF}' f; awk '{ print NR ":" $0 > "/dev/stdout" }' f
awk "BEGIN { print \"it's\", \"q\\\"q\", \"a\\\\b\", \"t\\tt\", \"\\101\", \"a\\/b\" }"; awk 'BEGIN { print "a" > "o2"; print "b" > "o2" } END { }' < /dev/null; cat o2
awk 'BEGIN { print substr("x", 1, -1) "|", (1 > 2 ? "gt" : "le") }'
awk '$NF == "x" || $2 + 0 > 30 { print NR }' f; awk '{ a[NR] = $1 } END { for (i = NR; i > 0; i--) printf "%s ", a[i]; print "" }' f; awk 'length > 8' f; awk 'length($1) == 5 { print $1 }' f
echo '5 3' | awk '{ print $1 - $2, $1 * $2, $1 / $2, $1 % $2, $1 $2, ($1 > $2) }'; echo ' lead  trail ' | awk '{ $1 = $1; print "[" $0 "]" }'; echo 'a:b' | awk -F: '{ print $2 }' OFS=x
echo '10.5 abc 0x' | awk '{ print $1 + 1, $2 + 1, ($1 == 10.50), ($2 == 0) }'; echo 3.0 | awk '{ print $1, $1 + 0, ($1 == 3) }'
awk 'BEGIN { print and(12, 10), or(12, 10), xor(12, 10), lshift(1, 4), rshift(16, 2), compl(0) > 0 }'; cat 0 2>/dev/null; rm -f 0
awk 'BEGIN { printf "%s-%s\n", "only" }'; awk 'BEGIN { print 1 / 0 }'; echo $?; awk 'BEGIN { print (1 }'; echo $?; awk 'BEGIN { f(1) }'; echo $?; awk '{ print }' nosuchfile; echo $?
awk 'BEGIN { print gensub(/(a)(b)/, "\\2\\1", "g", "abab"); print gensub("b", "X", 2, "abab") }'; awk 'BEGIN { print toupper(substr("word", 1, 1)) substr("word", 2) }'
echo 'test case' | awk '{ for (i = NF; i > 0; i--) printf "%s%s", $i, (i > 1 ? OFS : ORS) }'; echo 'k=v; k2=v2' | awk -F'; *' '{ for (i = 1; i <= NF; i++) { split($i, kv, "="); print kv[1] "->" kv[2] } }'
df() { printf 'Filesystem 1K-blocks Used\ntmpfs 10240 0\n'; }; df | grep tmpfs | awk '{print $2}'; count=$(wc -l f | awk {'print $1'}); echo $count; echo '12.34 5.6' | awk '{print $1}'
printf 'a:b\nc:d\n' | awk '{ FS = ":"; print $1 }'; printf 'a:b c\n' | awk '{ FS = ":"; $0 = $0; print $1 }'; echo 'x=1' | awk '{ n = split($0, kv, "="); FS = "="; print n, $1, NF }'
