exec 2>&1
printf 'banana\napple\ncherry\napple\n' > f
sort f; sort -r f; sort -u f; sort f | uniq -c; sort f | uniq -d; sort f | uniq -u; uniq -i f
printf '10 x\n9 y\n100 z\n' > n; sort -n n; sort -k2 n; sort -k1,1nr n; sort -t ' ' -k2,2r n; sort -c n; echo $?
head -2 f; head -n 1 f; head -c 5 f; echo; tail -2 f; tail -n +3 f; tail -c 4 f; head -n -1 f; head f n
wc f; wc -l f; wc -w < f; wc -c f n; wc -l < f
grep an f; grep -v an f; grep -c a f; grep -n apple f; grep -i APPLE f; grep -l a f n; grep -o 'an' f; grep -q zzz f; echo $?; grep -E 'a(n|p)' f; grep -F . f; echo $?
grep -w apple f; grep -x apple f; grep -e ban -e che f; grep '^a.*e$' f; grep 'p\{2\}' f; grep -A1 banana f; grep -B1 cherry f; grep nofile nonexistent; echo $?; grep a f n; grep -h a f n; grep -m1 a f; grep -r cherry . ; grep -c zzz f n
sed 's/a/A/' f; sed 's/a/A/g' f; sed -n 2p f; sed 2d f; sed '/apple/d' f; sed -n '/ban/,/che/p' f; sed '$d' f; sed 's/\(.\)\(.\)/\2\1/' f; sed -E 's/(.)(.)/\2\1/' f; sed 's/an/[&]/g' f
sed -e 1i\\ins -e '2a\' -e 'app' -e '3c\' -e 'chg' f; sed '1!G;h;$!d' f; sed 'y/abc/xyz/' f; sed = f | head -4; sed 2q f; sed -n '$=' f; sed 's/a/X/2' f; sed 's,/,_,g;s/b/B/' f; sed '/apple/{s/a/Z/;s/e/E/}' f; sed ':a;s/a/o/;ta' f; sed 'N;s/\n/-/' f; sed '2,3!d' f; sed 's/x*/-/g' n; sed 's/A/b/I' f; sed -n '/a/=' f
cp f g; sed -i 's/apple/pear/' g; cat g
cut -d' ' -f1 n; cut -c2-3 f; cut -f2 -d: /dev/null; printf 'a:b:c\nnodelim\n' | cut -d: -f1,3; printf 'a:b:c\nnodelim\n' | cut -d: -f2- -s; cut -b1 f
tr a-z A-Z < f; tr -d an < f; echo aabbcc | tr -s ab; echo hello | tr -c 'a-z\n' x; echo 'a b' | tr ' ' '\n'; echo abc123 | tr -cd '[:digit:]'; echo; echo abc | tr a-c 1-3
seq 3; seq 2 4; seq 1 2 5; seq -s, 3; seq 3 -1 1; seq -w 8 10; seq 0.5 1.5
echo x | tee t1 t2; cat t1 t2; echo y | tee -a t1; cat t1
rev f; tac f; nl f; cat -n f; cat -A n; printf 'a\tb\n' | cat -t
basename /a/b.c .c; basename /a/b/; dirname /a/b/c; dirname x; dirname /; dirname /a
expr 1 + 2; expr 3 \* 4; expr abc : 'a\(.\)'; expr length hello; expr 5 \> 3; expr 1 = 2; echo $?
echo hello | md5sum; echo hello | sha256sum; echo hello | sha1sum; echo hello | sha512sum; echo hello | base64; echo aGVsbG8K | base64 -d
printf 'abc\0\n' | od -c; printf 'abc' | od -An -tx1; printf 'hello world 12345' | hexdump -C
printf 'a b\nc\n' | xargs; printf '1 2 3' | xargs -n2; printf 'x\0y z\0' | xargs -0 echo; echo | xargs echo none; echo -n | xargs -r echo no
date -u -d @0; date -u -d @1503686166 '+%F_%H-%M-%S %j %U %e %I %p %a %b'; date -u -d '2024-02-29 12:30:45' +%s
cmp f f; cmp f n; echo $?; yes ab | head -2
sort f -o f; cat f; printf 'b\na' | sort; printf 'x' | wc; printf 'Z\na\nB\n' | sort -f
printf '1\n' | grep -q 1 && echo found; echo abc | grep -o . ; printf 'a.b\naxb\n' | grep -F a.b; echo 'foo bar' | grep -E '\bbar\b'; echo aXb | sed 's/[A-Z]/-/'
printf '%s\n' a b c | sed -n '2{p;q}'; printf 'k=v\n' | sed 's/=.*//' ; echo path/to | sed 's|/|\\|g'
