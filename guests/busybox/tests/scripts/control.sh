exec 2>&1
if true; then echo t; else echo f; fi
if false; then echo t; elif true; then echo elif; else echo f; fi
if ! false; then echo neg; fi
i=0; while [ $i -lt 5 ]; do i=$((i+1)); [ $i = 2 ] && continue; [ $i = 4 ] && break; echo w$i; done
until [ $i -eq 0 ]; do i=$((i-1)); done; echo u$i
for a in 1 2 3; do for b in x y; do [ $a$b = 2x ] && continue 2; [ $a = 3 ] && break 2; echo $a$b; done; done
for z; do echo none; done; set -- p q; for z; do echo $z; done; for z do echo $z; done
f() { echo "f $# $1"; return 7; }; f a b; echo $?
g() { local v=in; v=changed; h; echo "g $v"; }; h() { echo "h $v"; v=byh; }; v=out; g; echo $v
r() { [ $1 -gt 0 ] && { echo $1; r $(($1-1)); }; }; r 3
true && echo and; false && echo no; false || echo or; true || echo no; false && echo a || echo b
! true; echo $?; ! false; echo $?
{ echo brace; echo group; } | cat
(echo sub; exit 3); echo $?
(cd /; pwd); v=1; (v=2); echo $v
echo a | { read x; echo "got $x"; }
echo 1 2 3 | while read a b; do echo "$a-$b"; done
v=0; printf '1\n2\n3\n' | while read n; do v=$((v+n)); done; echo $v
false | true; echo $?; true | false; echo $?
set -o pipefail; false | true; echo $?; set +o pipefail
x=$(exit 5); echo $?; x=$(false) || echo failed
eval 'echo ev; y=3'; echo $y; eval "exit_code() { return 9; }"; exit_code; echo $?
case $y in 3) echo three;; *) echo other;; esac
case z in a) ;; z) ;; esac; echo empty-arm $?
: ; echo $?; false; echo $?
cat <<EOF
plain $y $(echo sub) \$esc `echo bq`
	tab
EOF
cat <<'EOF'
quoted $y
EOF
cat <<-EOF
	stripped $y
		two
	EOF
cat <<A; cat <<B
first
A
second
B
while read line; do echo "[$line]"; done <<EOF
l1
  l2  
l\3
EOF
while read -r line; do echo "[$line]"; done <<EOF
l\3
EOF
f2() { cat <<EOF
in function $1
EOF
}; f2 arg; f2 arg2 | tr a-z A-Z
fn() ( v=insub; exit 4 ); fn; echo $? $v
while true; do break; done; echo after-break $?
for i in 1 2; do continue; done; echo $?
if (exit 3); then :; else echo $?; fi
echo one; echo two & wait; echo three
f3() { for i in 1 2 3; do [ $i = 2 ] && return 5; done; }; f3; echo $?
while :; do while :; do break 2; done; done; echo out
[ a = a ] && [ b = b ] && echo both
test -n "" || echo empty; [ -z "" ] && echo z; [ 1 -lt 2 -a 2 -lt 3 ] && echo conj; [ ! -e /nonexistent ] && echo nex
echo "multi
line"; echo cont\
inued
# comment
echo x # trailing
echo a#b
{ echo b1; } ; (echo p1) ; if :; then :; fi; echo done
true & wait $!; echo $?; (exit 6) & wait $!; echo $?
f4() { return; }; false; f4; echo $?
