exec 2>&1
sleep 0.2 & a=$!; sleep 0.1 & b=$!; wait $a; echo $?; wait $b; echo $?
(sleep 0.1; exit 7) & wait $!; echo $?
sh -c 'trap "echo got term" TERM; (sleep 0.1; kill -TERM $$) & sleep 0.3; echo end'
sh -c 'trap "echo T; exit 9" TERM; (sleep 0.1; kill $$) & wait; echo no'; echo $?
sh -c 'trap "echo I" INT; sleep 0.5 & p=$!; (sleep 0.1; kill -INT $$) & wait $p; echo status $?'
sh -c '(sleep 0.1; kill $$) & sleep 5'; echo $?
sh -c 'sleep 0.3 & wait'; echo $?
for i in 1 2 3; do (sleep 0.$i; echo j$i) & done; wait; echo all
{ sleep 0.1; echo bg; } & wait; echo fg
yes | head -3; echo $?
seq 100000 | tail -1; seq 10 | while read n; do [ $n = 3 ] && break; echo $n; done
mkfifo_missing 2>/dev/null; echo $?
cat /dev/null | wc -l; echo x | cat - | cat
x=$(echo a; echo b >&2; exit 3); echo "$x $?"
big=$(seq 20000); echo ${#big}; echo "$big" | tail -1
v=$(cat <<EOF
inner $(echo x)
EOF
); echo "$v"
f() { echo fn $1; }; f piped | cat; x=$(f sub); echo $x; f bg & wait
v=outer; (v=inner; f2() { echo $v; }; f2); echo $v
echo $$ > p1; (echo $$ > p2); cmp p1 p2 && echo same
echo "$(echo $(echo $(echo deep)))"
while sleep 0.05; do echo tick; break; done
timeout 0.1 sleep 5; echo $?; timeout 5 true; echo $?
seq 3 | xargs -n 1 echo item; echo a b | xargs -I{} echo '<{}>'
cat <<EOF | sort | uniq -c | sort -rn | head -2
b
a
b
EOF
echo 'echo from stdin $1' | sh -s arg
printf 'echo no newline' | sh
time_is() { date +%Y >/dev/null && echo dated; }; time_is
