exec 2>&1
echo -n a; echo; echo -e 'x\ty\n\0101\c'; echo; echo -E 'a\tb'; echo -- x; echo -nx
printf '%s|%5s|%-5s|%05d|%x|%o|%c\n' a b c 42 255 8 xyz; printf '%s\n' a b c; printf '%d %s\n' 1 a 2; printf 'no newline'; echo
printf '%b\n' 'a\tb'; printf '%5.2f|%e|%g\n' 3.14159 1234.5 0.0001; printf '%%|%i\n' 12; printf '\101\x41\n'
read a b c <<X
one two three four
X
echo "$a|$b|$c"
echo "a:b:c" | { IFS=: read x y; echo "$x|$y"; }
printf 'no-newline' | { read v; echo "$? $v"; }
echo 'a\ b c' | { read x y; echo "$x|$y"; }
echo 'a\ b' | { read -r x y; echo "$x|$y"; }
echo abc | { read -n 2 x; echo "$x"; }
set -- -a -b val -c file; while getopts ab:c o; do echo "$o ${OPTARG-none} $OPTIND"; done; shift $((OPTIND-1)); echo "$@"
OPTIND=1; set -- -x; getopts :a o; echo "$o $OPTARG"
OPTIND=1; set -- -abv x; while getopts ab: o; do echo "$o $OPTARG"; done
type cd echo; type nonexistent_cmd; f() { :; }; type f; command -v cd; command -v f; command -v nonexistent_cmd; echo $?
export E1=v1; sh -c 'echo $E1'; E2=tmp sh -c 'echo $E2'; echo "${E2-unset}"; unset E1; sh -c 'echo ${E1-gone}'
readonly R=1; (R=2; echo no); echo $R
set -- a b c; shift; echo $1 $#; shift 2; echo $#
set -e; (false; echo no) || echo e-sub; set +e
sh -ec 'false; echo no'; echo $?
sh -ec 'if false; then :; fi; false || true; ! true; echo reached'; echo $?
sh -uc 'echo $undefined; echo no'; echo $?
sh -c 'echo $0 $1 $#' name arg1 arg2
sh -c 'exit 300'; echo $?; sh -c 'return 4; echo no'; echo $?
sh -xc 'a=1; echo "$a b"'
cd /; pwd; cd /usr/bin; cd ..; pwd; cd - ; cd /nonexistent; echo $?
umask; : $(false); echo $?
trap 'echo exit trap' EXIT; trap; trap - EXIT
(trap 'echo sub exit' EXIT; echo in)
sh -c 'trap "echo bye $?" EXIT; exit 3'; echo $?
sh -c 'trap "echo term" TERM; kill -TERM $$; echo after'
sh -c 'trap "" TERM; kill -TERM $$; echo ignored'
sh -c 'trap "echo usr; exit 5" USR1; kill -USR1 $$; echo no'; echo $?
sh -c 'kill -KILL $$'; echo $?
kill -l 15; kill -l TERM; kill -0 $$ && echo alive; kill 999999; echo $?
sh -c 'sleep 5 & p=$!; kill $p; wait $p; echo $?'
eval; echo $?; eval "" ; . /dev/null; echo $?
echo 'echo sourced $1; return 3; echo no' > inc.sh; . ./inc.sh arg; echo $?
exec 3>out.txt; echo to3 >&3; exec 3>&-; cat out.txt; echo x >&3; echo $?
exec 4<out.txt; read l <&4; echo $l; exec 4<&-
echo err >&2; { echo o; echo e >&2; } 2>/dev/null; { echo o2; echo e2 >&2; } >/dev/null
echo trunc > t; echo app >> t; cat t; cat < t > t2; cat t2; echo a > t 2>&1; set -C; echo b > t; echo $?; echo c >| t; cat t; set +C
nosuch; echo $?; ./t; echo $?; /; echo $?; echo '#!/bin/sh' > s; 
echo $(( $(echo 2) + 3 )); let a=5+1; echo $a
hash; command echo cmd; command nosuch; echo $?
true; echo ${?}; wait; echo $?; sleep 0 & wait; echo $?
local x; echo no
