exec 2>&1
# quoting and parsing
echo "a;b" 'c|d' e\;f; echo a;echo b
echo $'x' | head -c1 >/dev/null; echo "${x-"in ner"}" "${x-'sq'}" ${x-'s q'}
if true;then echo t;fi; { echo b;}; (echo p)
for i in a b;do echo $i;done
case a in a|b)echo ab;;esac; case a in
  b) echo b ;;
  a)
    echo multi
    ;;
esac
f(){ echo f;}; f; g () { echo g; }; g
h()
{
  echo newline-brace
}
h
foo=bar; echo "$foo"baz ${foo}baz $foo-baz "${foo}" '${foo}'
echo "back\\slash" 'single\n' "dq\n" "dollar\$" "tick\`"
echo 1 >&2 2>/dev/null; echo x 2>&1 >/dev/null; { echo out; echo err >&2; } 2>&1 | sort
! echo neg; echo $?
true && ! false && echo chain
false || { echo grp; false; } || echo last
while read l; do case $l in '#'*) continue;; esac; echo "[$l]"; done <<'X'
#c
a b
  indent
X
cat <<E1 <<E2
one
E1
two
E2
cat <<"Q" | tr a-z A-Z
$no `expansion`
Q
x=`cat <<Y
bq heredoc
Y`; echo "$x"
x=$(cat <<Y
sub heredoc $((1+1)) "quoted" 'single'
Y
); echo "$x"
echo $(for i in 1 2; do echo $i; done) $(if true; then echo y; fi) $( (echo nested) )
echo $( case x in x) echo paren;; esac )
echo "$(echo ")")" "$(echo '(')"
a=$(echo one
echo two); echo "$a"; echo $a
echo ${a:+"$a"} | wc -l
v='x  y'; set -- $v; echo $#; set -- "$v"; echo $#; set -- $v"z z"; echo $#
IFS=,; set -- $(echo a,b,,c); echo $#; echo "$*"; unset IFS
IFS=; v='a b'; set -- $v; echo $#; unset IFS
set -- a b c; for x in "$@"; do shift; echo "$x $#"; done
set -- ; echo "${1-unset}" "${@-none}" "$#"; set -- "" ; echo "${1-unset}" "${1:-empty}" $#
set -- one two three four five six seven eight nine ten; echo ${10} $10 "${#}"
echo "${v%% *}" "${v##* }" "${v#"${v%%?}"}"
p=/a/b/c.d.e; echo ${p##*/} ${p%/*} ${p##*.} ${p%.*} ${p%%.*}
echo ${#p} ${#1} "${p:2:3}" "${p:(-3)}"
n=5; n=$((n+1)); echo $n; echo $((n*=2)) $n $((n>10?1:0)) $((n%5)) $((- n)) $(( (1+2)*3 ))
echo $((a1=3, a1+1)) $a1; i=0; echo $((i++)) $((i++)) $i $((--i)) $i
echo $((0xff)) $((1<<10)) $((~5 & 0xf)) $((5^1)) $((6|1)) $((3!=3))
[ "$n" -gt 5 ] && [ "$n" -lt 100 ] && echo range
test "a" = "a" -a "b" != "c" && echo and; [ -z "" -o -n "" ] && echo or; [ ! "" ] && echo not
# functions and scope
outer() { local x=1; inner; echo "outer $x"; }; inner() { x=2; }; x=0; outer; echo "global $x"
ret() { return $1; }; ret 42; echo $?; ret 0 && echo ok
fact() { if [ $1 -le 1 ]; then echo 1; else echo $(( $1 * $(fact $(($1-1))) )); fi; }; fact 5
args() { echo "$# [$*]"; }; args; args ''; args a 'b c'; set -- p q; args "$@" r; echo $1
redir() { echo to-file; } > rf; redir; cat rf
unset -f args; args; echo $?
f1() { f2; echo after; }; f2() { return 3; }; f1; echo $?
# errexit
sh -ec 'f() { false; echo in-f; }; f || echo caught; echo next'
sh -ec 'f() { false; echo no; }; f; echo no2'; echo "st $?"
sh -ec 'x=$(false); echo no'; echo "st $?"
sh -ec 'echo $(false) yes'; echo "st $?"
sh -ec 'false | true; echo piped'; echo "st $?"
sh -ec 'while false; do :; done; for i in; do :; done; echo loops'; echo "st $?"
sh -ec '(exit 3); echo no'; echo "st $?"
sh -ec 'if ! true; then :; fi; [ 1 = 2 ] && echo; echo reached'; echo "st $?"
sh -ec 'trap "echo exit-trap \$?" EXIT; false'; echo "st $?"
sh -c 'set -e; eval false; echo no'; echo "st $?"
sh -c 'set -u; echo ${x-ok}; : "${x:?custom message}"; echo no'; echo "st $?"
# errors
sh -c 'if true; then'; echo $?; sh -c 'done'; echo $?; sh -c 'echo )'; echo $?; sh -c 'echo "unclosed'; echo $?; sh -c 'for 1x in a; do :; done'; echo $?
sh -c 'echo ok; if'; echo $?; sh -c '&& echo'; echo $?; sh -c 'case x in x) echo; esac; echo fine'; echo $?; sh -c 'echo $(('; echo $?; sh -c '${x!y}'; echo $?
sh -c 'a() { echo fn; }
a; b' ; echo $?
sh nosuchscript; echo $?; sh -c './nosuch'; echo $?; sh -c '/tmp'; echo $?
echo 'exit 7' > s7; sh s7; echo $?; sh ./s7; . ./s7 | cat; echo after-source
printf 'echo script $0 $1\n' > sc; sh sc arg; sh ./sc arg
# exec and redirection
(exec echo replaced; echo no); (exec >ef; echo into; exec 2>&1); cat ef
sh -c 'exec 5>f5; echo five >&5; exec 5>&-; cat f5'; cat <f5 3<f5 <&3
echo both > b1 2>&1; cat b1; ls nonexistent > b2 2>&1; cat b2; > empty; wc -c < empty; : > empty
echo a > m1 > m2; wc -c < m1; cat m2; cat < nofile; echo $?; echo x > nodir/f; echo $?
{ cat; } < m2; while read x; do echo "w $x"; done < m2; if true; then cat; fi < m2
(echo sub1; echo sub2) > sf; cat sf; for i in 1 2; do echo $i; done >> sf; wc -l < sf
exec 6<sf; read a <&6; read b <&6; echo $a $b; exec 6<&-
readonly ro=1; (ro=2); echo $?; (unset ro); echo $?; (readonly ro=3); echo $?
alias_like=ls; $alias_like sf; cmd="echo split words"; $cmd; "$cmd"; echo $?
echo ~ ~/x "~" a~ | sed "s,$HOME,H,g"; HOME=/h; echo ~
echo {a,b} [!a] \* '*' "?" ; echo */nonexist*
command -v sh >/dev/null && echo has-sh; type type
times >/dev/null && echo timed; kill -l | head -1 | cut -c1-6; echo $- | grep -q e || echo no-e
x="a b"; export Y=$x; echo "$Y"; dl() { local z=$x w="$@"; echo "$z|$w"; }; dl p "q r"; readonly RR=$x; echo "$RR"
HOME=/h; export P=~/q; echo $P; P=a:~/b:~; echo $P; P='~/q'; echo $P; P=x~/y; echo $P; nn="A=1 B=2"; export $nn; echo $A $B
unset x; echo ${x:=assigned value}; echo "$x"; : ${w1=one} ${w2:=two}; echo $w1 $w2
f() { echo "$FOO"; }; FOO=temp f; echo "[$FOO]"; FOO=perm; FOO=temp2 f; echo $FOO; FOO=spec : ; echo $FOO; FOO=e eval 'echo $FOO'; echo $FOO
set -x; echo traced "two words" ''; v=1; set +x 2>/dev/null
while getopts "a:b" opt -a1 -b x; do echo "$opt=$OPTARG"; done; echo $OPTIND
case $- in *x*) echo x;; *) echo nox;; esac; set -f; case $- in *f*) echo f;; esac; set +f
n=0; while :; do n=$((n+1)); case $n in 3) continue;; 6) break;; esac; echo -n "$n "; done; echo
printf '%s-%s\n' a b c; printf '[%3d][%-3d][%03d]\n' 5 5 5; printf '%x %c %s\n' 255 hello "$(echo sub)"
echo "a\
b" 'a\
b'; echo a \
  b
( trap 'echo in-exit' EXIT; exit 3 ); echo $?; trap 'echo outer' USR1; (kill -USR1 $$); :; sleep 0.05; trap - USR1
sh -c 'echo $#; echo "$@"' sh 'a b' c; sh -c 'shift 2; echo $?'; echo $(( 010 + 0x10 )) $((1,2)) 2>/dev/null
cat <<EOF
$(cat <<IN
inner
IN
)
`echo a; echo b`
${x#assigned }
EOF
echo end
